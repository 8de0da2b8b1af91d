/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/accounts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"

/* Made-up ids count from here: above what the system gives to people (61184 to 65519 are systemd's
 * dynamic users, and containers' sub-ids seldom come so far). */
#define SYMBOLIC_FIRST 0xf0000000u
/* Of a group's entry: all its members are in it. */
#define ENTRY_MAX (16u * 1024u * 1024u)

struct account {
	bool group;
	char *name;
	uint32_t id;
	int error; /* negative errno: there is no id */
};

struct accounts {
	bool symbolic;
	bool unknown; /* a name is */
	uint32_t next;
	void *by_name; /* tsearch() trees of the same accounts */
	void *by_id;
};

static int compare_names(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return x->group != y->group ? (x->group ? 1 : -1) : strcmp(x->name, y->name);
}

static int compare_ids(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return x->group != y->group ? (x->group ? 1 : -1) : (x->id > y->id) - (x->id < y->id);
}

/* Asks for the id of a name, or (name NULL) for the name of an id, with a buffer that grows until
 * the entry fits. */
static int ask_system(bool group, const char *name, uint32_t *id, char **ret_name)
{
	for (size_t size = 1024; size <= ENTRY_MAX; size *= 4) {
		_cleanup_free_ char *buffer = malloc(size);
		struct passwd user, *found_user = NULL;
		struct group entry, *found_group = NULL;
		int r;

		if (!buffer)
			return -ENOMEM;
		if (group)
			r = name ? getgrnam_r(name, &entry, buffer, size, &found_group)
				 : getgrgid_r(*id, &entry, buffer, size, &found_group);
		else
			r = name ? getpwnam_r(name, &user, buffer, size, &found_user)
				 : getpwuid_r(*id, &user, buffer, size, &found_user);
		if (r == ERANGE)
			continue;
		if (!found_user && !found_group)
			/* What getpwnam(3) lists for "no such name". */
			return r == 0 || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM
				       ? -ESRCH
				       : -r;
		if (name) {
			*id = group ? entry.gr_gid : user.pw_uid;
			return 0;
		}
		*ret_name = strdup(group ? entry.gr_name : user.pw_name);
		return *ret_name ? 0 : -ENOMEM;
	}
	return -ERANGE;
}

static void account_free(void *p)
{
	struct account *account = p;

	free(account->name);
	free(account);
}

static void keep(void *p)
{
}

/* Both trees hold it; that by name owns it. Takes over `name`. */
static int add_account(struct accounts *accounts, const struct account *model, struct account **ret)
{
	struct account *account = malloc(sizeof(*account)), **found;

	if (!account) {
		free(model->name);
		return -ENOMEM;
	}
	*account = *model;
	found = tsearch(account, &accounts->by_name, compare_names);
	if (!found || *found != account) {
		account_free(account);
		if (!found)
			return -ENOMEM;
		account = *found;
	}
	/* The first name of an id is its name. */
	if (account->error == 0 && !tsearch(account, &accounts->by_id, compare_ids))
		return -ENOMEM;
	*ret = account;
	return 0;
}

int accounts_id(struct accounts *accounts, bool group, const char *name, uint32_t *ret)
{
	struct account key = {.group = group, .name = (char *)name}, *account;
	struct account **found = tfind(&key, &accounts->by_name, compare_names);
	int r;

	if (found) {
		account = *found;
	} else {
		if (accounts->symbolic)
			key.id = accounts->next++;
		else
			key.error = ask_system(group, name, &key.id, NULL);
		if (key.error == -ENOMEM)
			return -ENOMEM;
		accounts->unknown |= key.error == -ESRCH;
		key.name = strdup(name);
		if (!key.name)
			return -ENOMEM;
		r = add_account(accounts, &key, &account);
		if (r < 0)
			return r;
	}
	if (account->error < 0)
		return account->error;
	*ret = account->id;
	return 0;
}

bool accounts_unknown(const struct accounts *accounts)
{
	return accounts->unknown;
}

const char *accounts_name(struct accounts *accounts, bool group, uint32_t id)
{
	struct account key = {.group = group, .id = id}, *account;
	struct account **found = tfind(&key, &accounts->by_id, compare_ids);

	if (found)
		return (*found)->name;
	if (accounts->symbolic || ask_system(group, NULL, &key.id, &key.name) < 0) {
		key.id = id;
		if (asprintf(&key.name, "%u", id) < 0)
			return NULL;
	}
	return add_account(accounts, &key, &account) < 0 ? NULL : account->name;
}

int accounts_new(bool symbolic, struct accounts **ret)
{
	struct accounts *accounts = calloc(1, sizeof(*accounts));

	if (!accounts)
		return -ENOMEM;
	*accounts = (struct accounts){.symbolic = symbolic, .next = SYMBOLIC_FIRST};
	*ret = accounts;
	return 0;
}

struct accounts *accounts_free(struct accounts *accounts)
{
	if (!accounts)
		return NULL;
	tdestroy(accounts->by_id, keep);
	tdestroy(accounts->by_name, account_free);
	free(accounts);
	return NULL;
}
