/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between the files of the loader alone. Reading goes on after a problem, so that one run shows
 * them all: the int functions return 0 or -ENOMEM, whether or not something was wrong; the bool
 * ones say whether there is a value. Whoever started counts problems->n_errors in the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalogue.h"
#include "policy/problems.h"
#include "policy/yaml.h"

/* A word of the message that has a name, for `in:`. */
struct place {
	const char *name;
	struct field_part part;
	bool selects; /* each command has a field here that tells it from others of its opcode */
};

/* What a dialect's first file says to all its commands, those of later files included. */
struct source {
	struct yaml_file *file;
	enum envelope envelope; /* of a command that names none */
	enum byte_order order;
	uint32_t message_size; /* 0: no default */
	struct place *places;
	size_t n_places;
	struct yaml_node *header;   /* NULL: none */
	bool header_broken;	    /* its problems were reported */
	struct yaml_node *segments; /* of commands that have none of their own; NULL: none */
};

struct loader {
	struct problems *problems;
	const struct yaml_file *file; /* being read */
	struct dialect *dialect;      /* being filled */
	const struct source *source;
};

/* catalogue-read.c */
__attribute__((format(printf, 3, 4))) void loader_error(const struct loader *loader,
							const struct yaml_node *node,
							const char *format, ...);
/* The node must be of that kind. */
bool loader_kind(const struct loader *loader, const struct yaml_node *node, enum yaml_kind kind,
		 const char *what);
void loader_known(const struct loader *loader, struct yaml_node *map, const char *const *known);
/* A required key: NULL and an error when it is missing. */
struct yaml_node *loader_require(const struct loader *loader, struct yaml_node *map,
				 const char *key);
int loader_string(const struct loader *loader, const struct yaml_node *node, const char *what,
		  char **ret);
/* Lower-case letters, digits and dashes, a letter first: never a number, never two words. */
int loader_name(const struct loader *loader, const struct yaml_node *node, char **ret);
bool loader_class(const struct loader *loader, const struct yaml_node *node,
		  enum effect_class *ret);
bool loader_effects(const struct loader *loader, const struct yaml_node *node, effect_set *ret);
bool loader_order(const struct loader *loader, const struct yaml_node *node, enum byte_order *ret);

/* "One case, or a list of cases": how many there are, and each. */
size_t cases_count(const struct yaml_node *node);
struct yaml_node *cases_get(struct yaml_node *node, size_t i);
/* `when:` of a case; the empty condition when it is not there. */
int case_when(const struct loader *loader, struct yaml_node *map, const struct command *command,
	      struct condition *ret);
/* A case that always holds must be the last. */
void case_reachable(const struct loader *loader, const struct yaml_node *node,
		    const struct condition *when, size_t i, size_t n);
/* `field`: whose value it is (for its names), or NULL. `effects`: may test effects (scopes). */
int value_cases_read(const struct loader *loader, struct yaml_node *node,
		     const struct command *command, const struct field *field, uint64_t max,
		     bool effects, struct value_case **ret, size_t *ret_n);

/* catalogue-part.c */
bool bits_read(const struct loader *loader, const struct yaml_node *node, unsigned width,
	       uint8_t *ret_low, uint8_t *ret_high);
bool part_read(const struct loader *loader, struct yaml_node *map, unsigned size_max,
	       struct field_part *ret);
int places_read(const struct loader *loader, struct yaml_node *node, struct source *source);
int names_read(const struct loader *loader, struct yaml_node *map, uint64_t max,
	       struct value_name **ret, size_t *ret_n);

/* catalogue-field.c */
/* The header's fields and the command's own (NULL: none), and with them template and mask. */
int fields_read(const struct loader *loader, const struct yaml_node *at, struct yaml_node *fields,
		struct command *command);
/* The header alone, to report its problems once. */
int header_check(const struct loader *loader, struct source *source);

/* catalogue-layout.c */
int layouts_read(const struct loader *loader, struct yaml_node *node);
int layout_cases_read(const struct loader *loader, struct yaml_node *node, struct command *command);

/* catalogue-length.c */
int length_cases_read(const struct loader *loader, struct yaml_node *node,
		      const struct command *command, uint64_t max, bool any,
		      struct length_case **ret, size_t *ret_n);
void segments_read(const struct loader *loader, struct yaml_node *node, struct command *command);
/* Where a response says how many of its bytes count. */
void answer_read(const struct loader *loader, struct yaml_node *map, struct command *command);

/* How a long answer is read in pieces; after the lengths. */
int pieces_read(const struct loader *loader, struct yaml_node *map, struct command *command);

/* catalogue-limits.c */
/* What the kernel's driver insists on. */
void limits_read(const struct loader *loader, struct yaml_node *map);
/* Do the sizes that are known before anybody asks keep to it? */
void limits_check(const struct loader *loader, const struct yaml_node *at,
		  const struct command *command);

/* catalogue-envelope.c */
bool envelope_read(const struct loader *loader, const struct yaml_node *node, enum envelope *ret);
/* `envelope:` and `id:` of a command whose opcode is known; false: nothing follows from them. */
bool command_envelope_read(const struct loader *loader, struct yaml_node *map,
			   struct command *command);
/* What its envelope demands of a command that was read. */
void envelope_check(const struct loader *loader, const struct yaml_node *at, struct yaml_node *map,
		    const struct command *command);

/* catalogue-class.c */
/* No effect may be worse than the class that stands beside it (0: none does). */
void class_check(const struct loader *loader, const struct yaml_node *at, enum effect_class class,
		 effect_set effects);
int refinement_read(const struct loader *loader, struct yaml_node *map,
		    const struct command *command, bool also, struct refinement *refinement);
int refinements_read(const struct loader *loader, struct yaml_node *node,
		     const struct command *command, bool also, struct refinement **ret,
		     size_t *ret_n);
/* `live:`. */
void reported_read(const struct loader *loader, struct yaml_node *map, struct command *command);

/* catalogue-later.c */
int worsen_read(const struct loader *loader, struct yaml_node *node);
/* The command of unknown layout that this one, of a later file, describes; or NULL. */
struct command *undescribed_find(const struct loader *loader, const struct command *command);
/* Takes its place, and all its class and effects with it. `command` is empty afterwards. */
int command_describe(const struct loader *loader, const struct yaml_node *at,
		     struct command *undescribed, struct command *command);

/* catalogue-command.c */
/* Is there a message that could be both? */
bool commands_clash(const struct command *a, const struct command *b);
/* The index of the field that a node names, or -1 and an error. */
int field_find(const struct loader *loader, const struct yaml_node *node,
	       const struct command *command);
int commands_read(const struct loader *loader, struct yaml_node *node);

void command_done(struct command *command);

/*
 * For tests: the first file of a dialect from memory, and (NULL: none) one of a later folder. As
 * catalogue_load() otherwise.
 */
int catalogue_load_text(const char *name, const char *text, size_t length, const char *later,
			size_t later_length, struct problems *problems, struct catalogue **ret);
