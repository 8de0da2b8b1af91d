/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/sim/nvme.h"

/*
 * Values live in slots: a namespace's own feature has one a namespace, the temperature threshold
 * one for each type of threshold (over, under), any other feature uses slot 0.
 */
static const struct feature {
	uint8_t fid;
	bool saveable;
	bool per_namespace;
	bool changeable;
	uint16_t data_length;
	uint32_t initial[SIM_NVME_NAMESPACES];
	uint32_t writable; /* bits of dword 11 */
} features[SIM_NVME_FEATURES] = {
	{0x01, true, false, true, 0, {0x00000007}, 0xffffff07},	 /* arbitration */
	{0x02, true, false, true, 0, {0}, 0x000000ff},		 /* power management */
	{0x04, true, false, true, 0, {343, 0}, 0x003fffff},	 /* temperature threshold, K */
	{0x05, true, true, true, 0, {0}, 0x0001ffff},		 /* error recovery */
	{0x06, true, false, true, 0, {1}, 0x00000001},		 /* volatile write cache */
	{0x07, false, false, true, 0, {0x00070007}, 0xffffffff}, /* number of queues */
	{0x08, false, false, false, 0, {0}, 0},			 /* interrupt coalescing */
	{0x0a, false, false, true, 0, {0}, 0x00000001},		 /* write atomicity */
	{0x0b, false, false, true, 0, {0}, 0x0000ffff},		 /* asynchronous events */
	{0x0e, false, false, true, 8, {0}, 0},			 /* timestamp */
	{0x16, false, false, true, 512, {0}, 0},		 /* host behavior support */
	{0x80, true, false, true, 0, {0}, 0x000000ff},		 /* software progress marker */
};

static int feature_row(uint8_t fid)
{
	for (unsigned row = 0; row < SIM_NVME_FEATURES; row++)
		if (features[row].fid == fid)
			return (int)row;
	return -1;
}

void nvme_features_init(struct sim_nvme *nvme)
{
	for (unsigned row = 0; row < SIM_NVME_FEATURES; row++)
		for (unsigned slot = 0; slot < SIM_NVME_NAMESPACES; slot++)
			nvme->features[row][slot] = (struct sim_nvme_value){
				.current = features[row].initial[slot],
				.saved = features[row].initial[slot],
			};
}

int nvme_feature_length(uint8_t fid)
{
	int row = feature_row(fid);

	return row < 0 ? -1 : features[row].data_length;
}

uint32_t nvme_feature_effects(uint8_t fid)
{
	int row = feature_row(fid);

	if (row < 0)
		return 0;
	return 1u | (features[row].per_namespace ? 1u << 20 : 1u << 21);
}

uint32_t nvme_feature_current(const struct sim_nvme *nvme, uint8_t fid, unsigned slot)
{
	int row = feature_row(fid);

	return row < 0 ? 0 : nvme->features[row][slot].current;
}

/* Which slot does the command mean? The first of n. */
static enum nvme_status feature_slots(const struct nvme_passthru_cmd64 *sqe,
				      const struct feature *feature, unsigned *ret_slot,
				      unsigned *ret_n)
{
	uint32_t type = nvme_bits(sqe->cdw11, 21, 20);

	*ret_slot = 0;
	*ret_n = 1;
	if (feature->per_namespace && sqe->nsid == NVME_NSID_ALL) {
		*ret_n = SIM_NVME_NAMESPACES;
	} else if (feature->per_namespace) {
		if (!nvme_namespace_valid(sqe->nsid))
			return NVME_INVALID_NAMESPACE;
		*ret_slot = sqe->nsid - 1;
	} else if (feature->fid == 0x04) {
		if (nvme_bits(sqe->cdw11, 19, 16) != 0 ||
		    type > 1) /* the composite temperature alone */
			return NVME_INVALID_FIELD;
		*ret_slot = type;
	}
	return NVME_SUCCESS;
}

static enum nvme_status feature_of(const struct nvme_passthru_cmd64 *sqe,
				   const struct feature **ret, int *ret_row)
{
	*ret_row = feature_row((uint8_t)nvme_bits(sqe->cdw10, 7, 0));
	if (*ret_row < 0)
		return NVME_INVALID_FIELD;
	*ret = &features[*ret_row];
	return NVME_SUCCESS;
}

enum nvme_status nvme_get_features(struct nvme_command *command)
{
	struct nvme_passthru_cmd64 *sqe = command->sqe;
	uint32_t select = nvme_bits(sqe->cdw10, 10, 8);
	const struct sim_nvme_value *value;
	const struct feature *feature;
	enum nvme_status status;
	unsigned slot, n;
	int row;

	status = feature_of(sqe, &feature, &row);
	if (status != NVME_SUCCESS)
		return status;
	if (select > 3)
		return NVME_INVALID_FIELD;
	if (select == 3) { /* supported capabilities */
		sqe->result = (uint64_t)feature->saveable | (uint64_t)feature->per_namespace << 1 |
			      (uint64_t)feature->changeable << 2;
		return NVME_SUCCESS;
	}

	status = feature_slots(sqe, feature, &slot, &n);
	if (status != NVME_SUCCESS)
		return status;
	if (n != 1) /* there is one result, and each namespace has its own value */
		return NVME_INVALID_NAMESPACE;
	value = &command->nvme->features[row][slot];
	if (select == 0)
		sqe->result = value->current;
	else if (select == 1 ||
		 !feature->saveable) /* a feature that can't be saved answers its default */
		sqe->result = feature->initial[slot];
	else
		sqe->result = value->saved;

	if (feature->data_length > 0)
		memset(command->data, 0, feature->data_length);
	if (feature->fid == 0x0e && select == 0)
		memcpy(command->data, command->nvme->timestamp, sizeof(command->nvme->timestamp));
	return NVME_SUCCESS;
}

enum nvme_status nvme_set_features(struct nvme_command *command)
{
	const struct nvme_passthru_cmd64 *sqe = command->sqe;
	bool save = nvme_bits(sqe->cdw10, 31, 31) == 1;
	const struct feature *feature;
	enum nvme_status status;
	unsigned slot, n;
	uint32_t value;
	int row;

	status = feature_of(sqe, &feature, &row);
	if (status != NVME_SUCCESS)
		return status;
	if (save && !feature->saveable)
		return NVME_NOT_SAVEABLE;
	if (!feature->changeable)
		return NVME_NOT_CHANGEABLE;
	if (!feature->per_namespace && sqe->nsid != 0 && sqe->nsid != NVME_NSID_ALL)
		return NVME_NOT_PER_NAMESPACE;
	status = feature_slots(sqe, feature, &slot, &n);
	if (status != NVME_SUCCESS)
		return status;

	if (feature->fid == 0x0e) {
		memcpy(command->nvme->timestamp, command->data, 6); /* ms since 1970 */
		command->nvme->timestamp[6] = 0x02;		    /* origin: Set Features */
		return NVME_SUCCESS;
	}
	value = sqe->cdw11;
	if ((value & ~feature->writable) != 0)
		return NVME_INVALID_FIELD;
	if (feature->fid == 0x02 && nvme_bits(value, 4, 0) > 2) /* Identify Controller, NPSS */
		return NVME_INVALID_FIELD;
	if (feature->fid == 0x04)
		value = nvme_bits(value, 15, 0);
	for (unsigned i = slot; i < slot + n; i++) {
		command->nvme->features[row][i].current = value;
		if (save)
			command->nvme->features[row][i].saved = value;
	}
	return NVME_SUCCESS;
}
