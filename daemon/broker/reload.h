/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Loading catalogue and policy anew, in a thread beside the event loop: a hundred thousand rules
 * take seconds, and whoever answers for users and groups may take longer. The loop goes on deciding
 * by the generation in force meanwhile.
 *
 * The thread owns everything it touches: it begins with nothing, and hands over a finished
 * generation, or the problems, when it ends. What is in force is exchanged by the loop alone.
 *
 * A call that comes while a load runs waits for the next one, which begins when that one has ended:
 * the running one may have read the files before they were written for which somebody calls now.
 */

struct manager;
struct reload;
struct request;

int reload_new(struct manager *manager, struct reload **ret);
/* Does not wait for a load that runs: it ends with the process. */
struct reload *reload_free(struct reload *reload);

/*
 * Loads anew. request: an authorised VERB_RELOAD, in state LOADING, which is answered and finished
 * when it is done; 0, or -EXFULL: too many wait already.
 */
int reload_for_request(struct reload *reload, struct request *request);
/* The same for a signal: systemd is told when it is done. */
void reload_for_signal(struct reload *reload);
/* fwctld ends: whoever waits is told, and no other load begins. */
void reload_end(struct reload *reload);
