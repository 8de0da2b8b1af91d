/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "include/cleanup.h"
#include "policy/effect.h"

static void classes_have_names(void **state)
{
	assert_string_equal(effect_class_to_string(CLASS_READ_ONLY), "read-only");
	assert_string_equal(effect_class_to_string(CLASS_CONFIG_CHANGE), "config-change");
	assert_string_equal(effect_class_to_string(CLASS_DESTRUCTIVE), "destructive");
	for (int i = CLASS_READ_ONLY; i < _CLASS_MAX; i++)
		assert_int_equal(effect_class_from_string(
					 effect_class_to_string((enum effect_class)i)),
				 i);
}

static void what_is_no_class_has_none(void **state)
{
	assert_null(effect_class_to_string((enum effect_class)0));
	assert_null(effect_class_to_string(_CLASS_MAX));
	assert_null(effect_class_to_string((enum effect_class) - 1));
	assert_int_equal(effect_class_from_string(""), -EINVAL);
	assert_int_equal(effect_class_from_string("Read-only"), -EINVAL);
	assert_int_equal(effect_class_from_string("read-only "), -EINVAL);
}

static void effects_have_names(void **state)
{
	for (int i = 0; i < _EFFECT_MAX; i++) {
		assert_non_null(effect_to_string((enum effect)i));
		assert_int_equal(effect_from_string(effect_to_string((enum effect)i)), i);
	}
	assert_null(effect_to_string(_EFFECT_MAX));
	assert_null(effect_to_string((enum effect) - 1));
	assert_int_equal(effect_from_string("data loss"), -EINVAL);
	assert_int_equal(effect_from_string(""), -EINVAL);
}

/* Policies and audit records hold these words: they can't change. */
static void effects_are_of_their_class(void **state)
{
	static const struct {
		const char *name;
		enum effect_class class;
	} table[] = {
		{"config-change-after-reset", CLASS_CONFIG_CHANGE},
		{"immediate-config-change", CLASS_CONFIG_CHANGE},
		{"immediate-policy-change", CLASS_CONFIG_CHANGE},
		{"immediate-log-change", CLASS_CONFIG_CHANGE},
		{"background-operation", CLASS_CONFIG_CHANGE},
		{"blocks-io", CLASS_CONFIG_CHANGE},
		{"immediate-data-change", CLASS_DESTRUCTIVE},
		{"data-loss", CLASS_DESTRUCTIVE},
		{"capacity-change", CLASS_DESTRUCTIVE},
		{"firmware-change", CLASS_DESTRUCTIVE},
		{"security-state-change", CLASS_DESTRUCTIVE},
		{"resets-device", CLASS_DESTRUCTIVE},
		{"service-interruption", CLASS_DESTRUCTIVE},
		{"unknown", CLASS_DESTRUCTIVE},
		{"confidential", CLASS_READ_ONLY},
		{"persistent", CLASS_READ_ONLY},
		{"taints-kernel", CLASS_READ_ONLY},
		{"broadcast", CLASS_READ_ONLY},
	};

	assert_int_equal(ELEMENTSOF(table), _EFFECT_MAX);
	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		int effect = effect_from_string(table[i].name);

		assert_int_equal(effect, i);
		assert_int_equal(effect_class_of((enum effect)effect), table[i].class);
		assert_int_equal((EFFECT_HAZARDS & EFFECT_BIT(effect)) != 0,
				 table[i].class == CLASS_READ_ONLY);
	}
}

static void the_worst_effect_decides(void **state)
{
	assert_int_equal(effect_set_class(0), CLASS_READ_ONLY);
	assert_int_equal(effect_set_class(EFFECT_HAZARDS), CLASS_READ_ONLY);
	assert_int_equal(effect_set_class(EFFECT_HAZARDS | EFFECT_BIT(EFFECT_IMMEDIATE_LOG_CHANGE)),
			 CLASS_CONFIG_CHANGE);
	assert_int_equal(effect_set_class(EFFECT_BIT(EFFECT_IMMEDIATE_LOG_CHANGE) |
					  EFFECT_BIT(EFFECT_UNKNOWN)),
			 CLASS_DESTRUCTIVE);
}

static void sets_have_text(void **state)
{
	char buffer[EFFECT_SET_STRING_MAX];

	assert_string_equal(effect_set_to_string(0, buffer), "");
	assert_string_equal(effect_set_to_string(EFFECT_BIT(EFFECT_DATA_LOSS), buffer),
			    "data-loss");
	assert_string_equal(effect_set_to_string(EFFECT_BIT(EFFECT_BROADCAST) |
							 EFFECT_BIT(EFFECT_DATA_LOSS),
						 buffer),
			    "data-loss,broadcast");
	/* All of them fit, and bits beyond the last effect are nothing. */
	assert_true(strlen(effect_set_to_string(UINT32_MAX, buffer)) < EFFECT_SET_STRING_MAX);
	assert_ptr_equal(effect_set_to_string(0, buffer), buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_have_names),
		cmocka_unit_test(what_is_no_class_has_none),
		cmocka_unit_test(effects_have_names),
		cmocka_unit_test(effects_are_of_their_class),
		cmocka_unit_test(the_worst_effect_decides),
		cmocka_unit_test(sets_have_text),
	};

	return cmocka_run_group_tests_name("effect", tests, NULL, NULL);
}
