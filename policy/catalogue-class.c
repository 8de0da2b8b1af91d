/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a command does: its class and effects, what refines them, and what the device reports. */

#include "policy/catalogue-load.h"

#include <errno.h>
#include <stdlib.h>

/*
 * A class must own up to its effects. `refine` and the command itself have to say a class; what
 * comes on top of it (`also`, `worsen`) may leave it alone, and then may add hazards only.
 */
void class_check(const struct loader *loader, const struct yaml_node *at, enum effect_class class,
		 effect_set effects)
{
	for (int i = 0; i < _EFFECT_MAX; i++)
		if (effects & EFFECT_BIT(i) &&
		    effect_class_of((enum effect)i) > (class ?: CLASS_READ_ONLY)) {
			loader_error(loader, at,
				     "The effect \"%s\" is %s, but the class here is %s: say the "
				     "worse class.",
				     effect_to_string((enum effect)i),
				     effect_class_to_string(effect_class_of((enum effect)i)),
				     class ? effect_class_to_string(class) : "not given");
			return;
		}
}

int refinement_read(const struct loader *loader, struct yaml_node *map,
		    const struct command *command, bool also, struct refinement *refinement)
{
	struct yaml_node *class, *effects, *reason;

	class = also ? yaml_get(map, "class") : loader_require(loader, map, "class");
	effects = yaml_get(map, "effects");
	reason = loader_require(loader, map, "reason");
	if ((!class || loader_class(loader, class, &refinement->class)) &&
	    (!effects || loader_effects(loader, effects, &refinement->effects)))
		class_check(loader, effects ?: map, refinement->class, refinement->effects);
	if (also && !class && !effects)
		loader_error(loader, map,
			     "This adds nothing: expected a \"class\" or \"effects\".");
	return reason ? loader_string(loader, reason, "a reason", &refinement->reason) : 0;
}

int refinements_read(const struct loader *loader, struct yaml_node *node,
		     const struct command *command, bool also, struct refinement **ret,
		     size_t *ret_n)
{
	static const char *const keys[] = {"when", "class", "effects", "reason", NULL};
	int r;

	if (!loader_kind(loader, node, YAML_LIST, "a list of cases"))
		return 0;
	*ret = calloc(node->n_items + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < node->n_items; i++) {
		struct yaml_node *map = node->items[i].value;
		struct refinement *refinement = &(*ret)[(*ret_n)++];

		if (!loader_kind(loader, map, YAML_MAP, "a case"))
			continue;
		r = case_when(loader, map, command, &refinement->when);
		if (r < 0)
			return r;
		if (!also)
			case_reachable(loader, map, &refinement->when, i, node->n_items);
		r = refinement_read(loader, map, command, also, refinement);
		if (r < 0)
			return r;
		loader_known(loader, map, keys);
	}
	return 0;
}

void reported_read(const struct loader *loader, struct yaml_node *map, struct command *command)
{
	struct yaml_node *key, *absent;

	if (!loader_kind(loader, map, YAML_MAP, "{key: FIELD, absent: CLASS}"))
		return;
	key = loader_require(loader, map, "key");
	absent = yaml_get(map, "absent");
	loader_known(loader, map, (const char *const[]){"key", "absent", NULL});
	if (key)
		command->live_key = field_find(loader, key, command);
	if (command->live_key >= 0 && command->fields[command->live_key].type == FIELD_BYTES)
		loader_error(loader, key,
			     "What a device reports is looked up by a number or a UUID.");
	if (absent)
		(void)loader_class(loader, absent, &command->live_absent);
}
