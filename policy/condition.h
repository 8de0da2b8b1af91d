/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Conditions as people write them, in the catalogue (`when:`) and in a policy (`where:`): a map
 * from a command's fields to a number, a name, a UUID, a range "0xc0-0xff", or a list of these.
 */

#include "policy/catalogue.h"
#include "policy/yaml.h"

/*
 * Reads the map against the command's fields. What is wrong is said in `problems`, and the rest is
 * read nevertheless: a caller looks at problems->n_errors. -ENOMEM is the only failure.
 */
int condition_read(const struct yaml_file *file, struct yaml_node *map,
		   const struct command *command, struct problems *problems, struct condition *ret);
void condition_done(struct condition *condition);
/* A copy that belongs to the pool: never to be given to condition_done(). 0 or -ENOMEM. */
int condition_copy(const struct condition *condition, struct pool *pool, struct condition *ret);

/* Does `wide` hold whenever `narrow` (NULL: the empty one) does? Of the fields; not of effects. */
bool condition_covers(const struct condition *wide, const struct condition *narrow,
		      const struct command *command);
/* False: no request fits both. Of the fields, too. */
bool conditions_meet(const struct condition *a, const struct condition *b);

/* "0xc0-0xff"; false when it is none. Nothing is said about which of the two is greater. */
bool parse_range(const char *text, struct value_range *ret);

/* One scalar as a value of a field, names included; false (and a problem) when it is none. */
bool condition_read_value(const struct yaml_file *file, const struct yaml_node *node,
			  const struct field *field, struct problems *problems,
			  union field_value *ret);
