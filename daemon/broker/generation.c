/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <malloc.h>
#include <nettle/sha2.h>
#include <stdlib.h>

#include "daemon/broker/generation.h"
#include "include/cleanup.h"
#include "policy/digest.h"
#include "policy/folders.h"

DEFINE_CLEANUP(struct accounts *, accounts_free)

static int generation_new(const char *const *folders, struct problems *problems,
			  struct generation **ret)
{
	struct generation *generation;
	int r;

	generation = calloc(1, sizeof(*generation));
	if (!generation)
		return -ENOMEM;
	*generation = (struct generation){.n_ref = 1};
	r = catalogue_load(folders, true, problems, &generation->catalogue);
	if (r < 0) {
		generation_unref(generation);
		return r;
	}
	*ret = generation;
	return 0;
}

static void generation_digest(struct generation *generation)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, sizeof(generation->catalogue->digest), generation->catalogue->digest);
	sha256_update(&sha, sizeof(generation->policy->digest), generation->policy->digest);
	sha256_digest(&sha, sizeof(digest), digest);
	digest_to_string(digest, generation->digest);
}

int generation_load(struct problems *problems, struct generation **ret)
{
	_cleanup_(accounts_freep) struct accounts *accounts = NULL;
	struct generation *generation;
	int r;

	r = generation_new(command_folders, problems, &generation);
	if (r < 0)
		return r;
	r = accounts_new(false, &accounts);
	if (r >= 0)
		r = policy_load(policy_folders, true, generation->catalogue, accounts, problems,
				&generation->policy);
	if (r < 0) {
		generation_unref(generation);
		return r;
	}
	generation_digest(generation);
	/* The text of the files took four times as much; glibc would keep that for the next time.
	 */
	(void)malloc_trim(0);
	*ret = generation;
	return 0;
}

int generation_load_denying(struct problems *problems, struct generation **ret)
{
	return generation_new(shipped_command_folders, problems, ret);
}

struct generation *generation_ref(struct generation *generation)
{
	if (generation)
		generation->n_ref++;
	return generation;
}

struct generation *generation_unref(struct generation *generation)
{
	if (!generation || --generation->n_ref > 0)
		return NULL;
	policy_free(generation->policy);
	catalogue_free(generation->catalogue);
	free(generation);
	(void)malloc_trim(0);
	return NULL;
}
