/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/digest.h"

#include <nettle/base16.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <string.h>

#include "policy/message.h"

_Static_assert(SHA256_DIGEST_SIZE == DIGEST_SIZE, "SHA-256 has 32 bytes");

/* One of both, fed alike. */
struct hash {
	bool keyed;
	struct sha256_ctx plain;
	struct hmac_sha256_ctx hmac;
};

/* Length first: where one piece ends and the next begins is part of what is hashed. */
static void hash_piece(struct hash *hash, const void *data, size_t size)
{
	uint8_t length[8];

	bytes_put(length, sizeof(length), 0, sizeof(length), BYTES_LITTLE, size);
	if (hash->keyed)
		hmac_sha256_update(&hash->hmac, sizeof(length), length);
	else
		sha256_update(&hash->plain, sizeof(length), length);
	if (size == 0)
		return;
	if (hash->keyed)
		hmac_sha256_update(&hash->hmac, size, data);
	else
		sha256_update(&hash->plain, size, data);
}

static bool is_secret(const struct classified *classified)
{
	for (unsigned i = 0; i < classified->command->n_fields; i++)
		if (classified->command->fields[i].secret)
			return true;
	return classified->effects & EFFECT_BIT(EFFECT_SECURITY_STATE_CHANGE);
}

void request_digest(const char *device_id, const struct classified *classified,
		    const uint8_t key[static DIGEST_SIZE], uint8_t ret[static DIGEST_SIZE])
{
	const struct command *command = classified->command;
	uint8_t head[MESSAGE_HEAD_MAX] = {};
	struct hash hash = {.keyed = is_secret(classified)};

	if (hash.keyed)
		hmac_sha256_set_key(&hash.hmac, DIGEST_SIZE, key);
	else
		sha256_init(&hash.plain);

	/* Values that classify() read fit their fields again. */
	(void)message_write(command, classified->values, head);
	hash_piece(&hash, device_id, strlen(device_id));
	hash_piece(&hash, command->dialect->name, strlen(command->dialect->name));
	hash_piece(&hash, head, command->message_size);
	hash_piece(&hash, classified->request, classified->request_length);
	for (unsigned i = 0; i < command->n_segments; i++)
		if (command->segments[i].to_device)
			hash_piece(&hash, classified->segment_data[i],
				   classified->segment_lengths[i]);

	if (hash.keyed)
		hmac_sha256_digest(&hash.hmac, DIGEST_SIZE, ret);
	else
		sha256_digest(&hash.plain, DIGEST_SIZE, ret);
}

char *digest_to_string(const uint8_t digest[static DIGEST_SIZE],
		       char buffer[static DIGEST_STRING_SIZE])
{
	base16_encode_update(buffer, DIGEST_SIZE, digest);
	buffer[DIGEST_STRING_SIZE - 1] = '\0';
	return buffer;
}
