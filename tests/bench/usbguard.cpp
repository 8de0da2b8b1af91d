/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What usbguard's decision costs: libusbguard's getFirstMatchingRule() over so many rules, the last of which matches.
 *
 *     usbguard ROUNDS RULES
 *
 * It prints one JSON object: microseconds of the median and of the 99th percentile, over blocks. Built by tests/bench/run,
 * where libusbguard is; fwctld itself has no C++.
 */

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <MemoryRuleSet.hpp>
#include <Rule.hpp>

static std::string rule_text(const char *target, unsigned number)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "%s id %04x:%04x serial \"S%06u\" name \"Storage %u\" with-interface 08:06:50",
		 target, 0x1000 + number / 0x10000, number % 0x10000, number, number);
	return text;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: usbguard ROUNDS RULES\n");
		return EXIT_FAILURE;
	}
	unsigned rounds = atoi(argv[1]), rules = atoi(argv[2]);
	unsigned block = std::max(1u, 10000 / rules);
	usbguard::MemoryRuleSet set(nullptr);

	for (unsigned i = 0; i < rules; i++)
		set.appendRule(usbguard::Rule::fromString(rule_text("allow", i)));
	auto device = std::make_shared<const usbguard::Rule>(
		usbguard::Rule::fromString(rule_text("device", rules - 1)));
	std::vector<double> samples;
	for (unsigned round = 0; round < rounds; round++) {
		auto start = std::chrono::steady_clock::now();
		for (unsigned i = 0; i < block; i++)
			if (set.getFirstMatchingRule(device)->getTarget() !=
			    usbguard::Rule::Target::Allow)
				return EXIT_FAILURE;
		std::chrono::duration<double, std::micro> took =
			std::chrono::steady_clock::now() - start;
		samples.push_back(took.count() / block);
	}
	std::sort(samples.begin(), samples.end());
	printf("{\"p50\": %.3f, \"p99\": %.3f}\n", samples[samples.size() / 2], samples[samples.size() * 99 / 100]);
	return EXIT_SUCCESS;
}
