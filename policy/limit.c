/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/limit.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/decide.h"

/* Whose uses: those of one rule's limit, by one caller, on one device, or all of them. */
struct account {
	char *rule_id;
	enum limit_by by;
	uid_t uid;	 /* by caller; else 0 */
	char *device_id; /* by device; else "" */

	uint64_t *uses; /* CLOCK_BOOTTIME, µs, in order; the last ones, as many as count */
	size_t n;
	size_t capacity;
	uint64_t per_usec; /* after that long the last one counts no more */
};

struct limit_book {
	void *accounts;	 /* tsearch() tree */
	size_t n;	 /* accounts in it */
	size_t sweep_at; /* so many are a reason to look for those that are over */
};

/* Below that it is not worth it. */
#define SWEEP_MIN 1024u

static int compare(const void *a, const void *b)
{
	const struct account *x = a, *y = b;
	int order = strcmp(x->rule_id, y->rule_id);

	if (order == 0)
		order = (x->by > y->by) - (x->by < y->by);
	if (order == 0)
		order = (x->uid > y->uid) - (x->uid < y->uid);
	return order == 0 ? strcmp(x->device_id, y->device_id) : order;
}

static void account_free(void *p)
{
	struct account *account = p;

	if (!account)
		return;
	free(account->rule_id);
	free(account->device_id);
	free(account->uses);
	free(account);
}

/* The strings are the rule's and the device's. */
static struct account account_key(const struct rule *rule, const struct query *query)
{
	enum limit_by by = rule->limit.by;

	return (struct account){
		.rule_id = rule->id,
		.by = by,
		.uid = by == LIMIT_BY_CALLER ? query->caller->uid : 0,
		.device_id = by == LIMIT_BY_DEVICE ? (char *)query->device->id : (char *)"",
	};
}

static struct account *find(const struct limit_book *book, const struct account *key)
{
	struct account **found = tfind(key, &book->accounts, compare);

	return found ? *found : NULL;
}

bool limit_exhausted(const struct limit_book *book, const struct rule *rule,
		     const struct query *query, uint64_t *ret_wait_usec)
{
	const struct account key = account_key(rule, query);
	const struct account *account = book ? find(book, &key) : NULL;
	uint64_t now = query->now.boottime_usec, free_at;

	if (!account || account->n < rule->limit.count)
		return false;
	/* When the count'th use from the end no longer counts. */
	free_at = account->uses[account->n - rule->limit.count] + rule->limit.per_usec;
	if (free_at <= now)
		return false;
	*ret_wait_usec = free_at - now;
	return true;
}

static int account_new(struct limit_book *book, const struct account *key, struct account **ret)
{
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return -ENOMEM;
	*account = (struct account){
		.rule_id = strdup(key->rule_id),
		.by = key->by,
		.uid = key->uid,
		.device_id = strdup(key->device_id),
	};
	if (!account->rule_id || !account->device_id ||
	    !tsearch(account, &book->accounts, compare)) {
		account_free(account);
		return -ENOMEM;
	}
	book->n++;
	*ret = account;
	return 0;
}

/* Takes the accounts that are over to another tree's shape: a list, which ends at `n`. */
struct sweep {
	uint64_t now;
	struct account **over;
	size_t n, capacity;
};

static void collect(const void *node, VISIT visit, void *userdata)
{
	struct account *account = *(struct account *const *)node;
	struct sweep *sweep = userdata;

	if ((visit == postorder || visit == leaf) && sweep->n < sweep->capacity &&
	    account->uses[account->n - 1] + account->per_usec <= sweep->now)
		sweep->over[sweep->n++] = account;
}

static void forget_what_is_over(struct limit_book *book, uint64_t now)
{
	_cleanup_free_ struct account **over = calloc(book->n, sizeof(*over));
	struct sweep sweep = {.now = now, .over = over, .capacity = over ? book->n : 0};

	twalk_r(book->accounts, collect, &sweep);
	for (size_t i = 0; i < sweep.n; i++) {
		tdelete(over[i], &book->accounts, compare);
		account_free(over[i]);
		book->n--;
	}
	book->sweep_at = book->n * 2 > SWEEP_MIN ? book->n * 2 : SWEEP_MIN;
}

/* Room for one more use; of those that there are at most count - 1 can still matter. */
static int account_reserve(struct account *account, size_t count)
{
	size_t excess = account->n >= count ? account->n - (count - 1) : 0;
	uint64_t *grown;

	if (excess > 0) {
		account->n -= excess;
		memmove(account->uses, account->uses + excess, account->n * sizeof(*grown));
	}
	if (account->n < account->capacity)
		return 0;
	grown = reallocarray(account->uses, account->capacity * 2 + 2, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	account->uses = grown;
	account->capacity = account->capacity * 2 + 2;
	return 0;
}

int limit_charge(struct limit_book *book, const struct rule *rule, const struct query *query)
{
	const struct account key = account_key(rule, query);
	struct account *account = find(book, &key), fresh = {};
	int r;

	if (!account) {
		if (book->n >= book->sweep_at)
			forget_what_is_over(book, query->now.boottime_usec);
		/* Room first, so that every account in the tree has a use. */
		r = account_reserve(&fresh, rule->limit.count);
		if (r >= 0)
			r = account_new(book, &key, &account);
		if (r < 0) {
			free(fresh.uses);
			return r;
		}
		account->uses = fresh.uses;
		account->capacity = fresh.capacity;
	} else {
		r = account_reserve(account, rule->limit.count);
		if (r < 0)
			return r;
	}
	account->uses[account->n++] = query->now.boottime_usec;
	account->per_usec = rule->limit.per_usec;
	return 0;
}

int limit_book_new(struct limit_book **ret)
{
	struct limit_book *book = calloc(1, sizeof(*book));

	if (!book)
		return -ENOMEM;
	book->sweep_at = SWEEP_MIN;
	*ret = book;
	return 0;
}

struct limit_book *limit_book_free(struct limit_book *book)
{
	if (!book)
		return NULL;
	tdestroy(book->accounts, account_free);
	free(book);
	return NULL;
}
