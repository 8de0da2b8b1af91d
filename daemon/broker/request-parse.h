/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/classify.h"

struct request;

/*
 * Reads the method call into the request's own bytes and options. Typed parameters only: an unknown
 * option is an error. 0, or a negative errno with a sentence: -ENOENT (unknown command), -EINVAL,
 * -EMSGSIZE, ...
 */
int request_parse(struct request *request, struct refusal *ret_refusal);
