/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The broker's end of an executor's socket; the test plays the executor, a hostile one too. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/broker/executor.h"

#define LONG (2u * WIRE_PIECE_MAX + 1000u) /* bytes of a reply of three pieces */

static sd_event *event;
static struct executor *executor;
static int peer;

static unsigned n_replied, n_lost;
static uint64_t replied_id;
static int replied_value, replied_error;
static size_t replied_length;
static uint8_t *replied_bytes;
static char lost_why[64];

static uint8_t content[LONG + WIRE_PIECE_MAX], *reply;

static void on_replied(void *userdata, uint64_t id, int value, int error, uint8_t *bytes,
		       size_t length)
{
	n_replied++;
	replied_id = id;
	replied_value = value;
	replied_error = error;
	replied_bytes = bytes;
	replied_length = length;
}

static void on_lost(void *userdata, const char *why)
{
	n_lost++;
	snprintf(lost_why, sizeof(lost_why), "%s", why);
	executor = executor_free(executor); /* as a device does */
}

static const struct executor_handlers handlers = {.replied = on_replied, .lost = on_lost};

static int setup(void **state)
{
	static const int buffer = 4 * WIRE_REPLY_MAX;
	int pair[2];

	n_replied = n_lost = 0;
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i % 251 + 1);
	/* Of exactly its size, so that a sanitizer sees one byte too many. */
	reply = malloc(LONG);
	assert_non_null(reply);
	memset(reply, 0, LONG);
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), errno);
	assert_return_code(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)),
			   errno);
	peer = pair[0];
	assert_return_code(sd_event_new(&event), 0);
	assert_return_code(executor_new(event, pair[1], &handlers, NULL, &executor), 0);
	return 0;
}

static int teardown(void **state)
{
	executor = executor_free(executor);
	event = sd_event_unref(event);
	close(peer);
	free(reply);
	return 0;
}

static void run(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static int ask(uint64_t id, uint32_t length, uint8_t *room)
{
	const struct arena arena = {
		.size = ARENA_MAX,
		.given = 4,
		.n_replies = 2,
		.replies = {{.offset = 0, .length = 8}, {.offset = 4096, .length = length - 8}},
	};
	struct wire_request request;
	int r = executor_submit(executor, id, &arena, (const uint8_t *)"abcd", room);

	if (r >= 0)
		assert_int_equal(recv(peer, &request, sizeof(request), MSG_TRUNC),
				 sizeof(request) + 4);
	return r;
}

static void send_head(struct wire_reply head, size_t at, size_t n)
{
	struct iovec parts[] = {{&head, sizeof(head)}, {content + at, n}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	assert_int_equal(sendmsg(peer, &message, MSG_NOSIGNAL), sizeof(head) + n);
	run();
}

static void send_piece(uint64_t id, size_t at, size_t n, size_t total)
{
	send_head((struct wire_reply){.id = id,
				      .length = (uint32_t)n,
				      .more = (uint32_t)(total - at - n)},
		  at, n);
}

static void assert_malformed(void)
{
	assert_int_equal(n_replied, 0);
	assert_int_equal(n_lost, 1);
	assert_string_equal(lost_why, "it answered with a malformed message");
}

static void test_one_piece(void **state)
{
	for (uint64_t id = 1; id <= 3; id++) {
		assert_int_equal(ask(id << 40, 520, NULL), 0);
		send_piece(id << 40, 0, 520, 520);
		assert_int_equal(n_replied, id);
		assert_true(replied_id == id << 40);
		assert_int_equal(replied_length, 520);
		assert_memory_equal(replied_bytes, content, 520);
	}
	assert_int_equal(ask(4, WIRE_PIECE_MAX, NULL), 0);
	send_piece(4, 0, WIRE_PIECE_MAX, WIRE_PIECE_MAX);
	assert_int_equal(n_replied, 4);
	assert_int_equal(replied_length, WIRE_PIECE_MAX);
	assert_int_equal(n_lost, 0);
}

static void test_errno(void **state)
{
	assert_int_equal(ask(1, 16, NULL), 0);
	send_head((struct wire_reply){.id = 1, .value = -1, .error = EINVAL, .length = 16}, 0, 16);
	assert_int_equal(n_replied, 1);
	assert_int_equal(replied_value, -1);
	assert_int_equal(replied_error, EINVAL);
}

/* It comes into the memory that was given for it, and no further. */
static void test_many_pieces(void **state)
{
	assert_int_equal(ask(7, LONG, NULL), -EMSGSIZE);
	for (unsigned i = 1; i <= 2; i++) {
		memset(reply, 0, LONG);
		assert_int_equal(ask(7, LONG, reply), 0);
		send_piece(7, 0, WIRE_PIECE_MAX, LONG);
		send_piece(7, WIRE_PIECE_MAX, WIRE_PIECE_MAX, LONG);
		assert_int_equal(n_replied, i - 1);
		send_piece(7, 2 * WIRE_PIECE_MAX, 1000, LONG);
		assert_int_equal(n_replied, i);
		assert_ptr_equal(replied_bytes, reply);
		assert_int_equal(replied_length, LONG);
		assert_memory_equal(reply, content, LONG);
	}
	/* And a short one after it does not. */
	memset(reply, 0, LONG);
	assert_int_equal(ask(8, 520, reply), 0);
	send_piece(8, 0, 520, 520);
	assert_ptr_not_equal(replied_bytes, reply);
	assert_int_equal(reply[0], 0);
	assert_int_equal(n_lost, 0);
}

static void test_not_asked(void **state)
{
	send_piece(0, 0, 0, 0);
	assert_int_equal(n_lost, 1);
	assert_string_equal(lost_why, "it answered without being asked");
}

/* One answer a request. */
static void test_twice(void **state)
{
	assert_int_equal(ask(1, 520, NULL), 0);
	send_piece(1, 0, 520, 520);
	send_piece(1, 0, 520, 520);
	assert_int_equal(n_replied, 1);
	assert_int_equal(n_lost, 1);
}

static void test_end(void **state)
{
	assert_int_equal(ask(1, LONG, reply), 0);
	send_piece(1, 0, WIRE_PIECE_MAX, LONG);
	shutdown(peer, SHUT_RDWR);
	run();
	assert_int_equal(n_replied, 0);
	assert_int_equal(n_lost, 1);
	assert_string_equal(lost_why, "it ended");
}

static const struct hostile {
	const char *what;
	unsigned good; /* pieces before it */
	struct wire_reply head;
	size_t n; /* bytes that follow */
} hostile[] = {
	{"no bytes", 0, {.id = 9, .more = LONG}, 0},
	{"a short piece", 0, {.id = 9, .length = 999, .more = LONG - 999}, 999},
	{"a piece of one byte less",
	 0,
	 {.id = 9, .length = WIRE_PIECE_MAX - 1, .more = LONG - WIRE_PIECE_MAX + 1},
	 WIRE_PIECE_MAX - 1},
	{"an overlong piece",
	 0,
	 {.id = 9, .length = WIRE_PIECE_MAX + 1, .more = LONG - WIRE_PIECE_MAX - 1},
	 WIRE_PIECE_MAX + 1},
	{"a length that is not what came",
	 0,
	 {.id = 9, .length = WIRE_PIECE_MAX, .more = LONG - WIRE_PIECE_MAX},
	 WIRE_PIECE_MAX - 1},
	{"an answer that is shorter in all",
	 0,
	 {.id = 9, .length = WIRE_PIECE_MAX, .more = LONG - WIRE_PIECE_MAX - 1},
	 WIRE_PIECE_MAX},
	{"an answer that is longer in all",
	 0,
	 {.id = 9, .length = WIRE_PIECE_MAX, .more = UINT32_MAX},
	 WIRE_PIECE_MAX},
	{"another id",
	 0,
	 {.id = 10, .length = WIRE_PIECE_MAX, .more = LONG - WIRE_PIECE_MAX},
	 WIRE_PIECE_MAX},
	{"an error that is none",
	 0,
	 {.id = 9, .value = -1, .length = WIRE_PIECE_MAX, .more = LONG - WIRE_PIECE_MAX},
	 WIRE_PIECE_MAX},
	{"the first piece again",
	 1,
	 {.id = 9, .length = WIRE_PIECE_MAX, .more = LONG - WIRE_PIECE_MAX},
	 WIRE_PIECE_MAX},
	{"the last piece too early", 1, {.id = 9, .length = 1000}, 1000},
	{"another id in the middle",
	 1,
	 {.id = 8, .length = WIRE_PIECE_MAX, .more = 1000},
	 WIRE_PIECE_MAX},
	{"another value in the middle",
	 1,
	 {.id = 9, .value = 1, .length = WIRE_PIECE_MAX, .more = 1000},
	 WIRE_PIECE_MAX},
	{"another error in the middle",
	 1,
	 {.id = 9, .value = -1, .error = EIO, .length = WIRE_PIECE_MAX, .more = 1000},
	 WIRE_PIECE_MAX},
	{"an overlong last piece", 2, {.id = 9, .length = 1001}, 1001},
	{"a last piece that promises more", 2, {.id = 9, .length = 1000, .more = 1}, 1000},
	{"a short last piece", 2, {.id = 9, .length = 999}, 999},
};

static void test_hostile(void **state)
{
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		setup(state);
		assert_int_equal(ask(9, LONG, reply), 0);
		for (unsigned good = 0; good < hostile[i].good; good++)
			send_piece(9, good * WIRE_PIECE_MAX, WIRE_PIECE_MAX, LONG);
		assert_int_equal(n_lost, 0);
		send_head(hostile[i].head, 0, hostile[i].n);
		if (n_lost != 1)
			fail_msg("%s: the executor was believed", hostile[i].what);
		assert_malformed();
		teardown(state);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_one_piece),		TEST(test_errno), TEST(test_many_pieces),
		TEST(test_not_asked),		TEST(test_twice), TEST(test_end),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("broker-executor", tests, NULL, NULL);
}
