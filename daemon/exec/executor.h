/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The executor: takes one request after the other from WIRE_FD_SOCKET, calls the transport with
 * each, and answers. It knows no dialect, and checks nothing but that a request stays within its
 * arena: what may be sent was decided before, and the filter holds it to its device and its ioctl.
 */

/* 0 at the broker's end of file; these otherwise. */
#define EXECUTOR_EXIT_VIOLATION 1 /* a request that no broker sends */
#define EXECUTOR_EXIT_SETUP	2 /* it could not start */

/* argv[1]: the device's name, for ps. argv[2]: one of WIRE_ENVELOPE_*. */
_Noreturn void executor_run(int argc, char **argv);
