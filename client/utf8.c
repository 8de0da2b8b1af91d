/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/utf8.h"

unsigned utf8_read(const char *string, uint32_t *ret)
{
	/* The smallest character that needs 1 + n bytes. */
	static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)string;
	uint32_t character;
	unsigned n;

	if (p[0] < 0x80) {
		n = 0;
		character = p[0];
	} else if ((p[0] & 0xe0) == 0xc0) {
		n = 1;
		character = p[0] & 0x1f;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 2;
		character = p[0] & 0x0f;
	} else if ((p[0] & 0xf8) == 0xf0) {
		n = 3;
		character = p[0] & 0x07;
	} else {
		return 0;
	}

	for (unsigned i = 1; i <= n; i++) {
		if ((p[i] & 0xc0) != 0x80) /* the terminating NUL too */
			return 0;
		character = character << 6 | (p[i] & 0x3f);
	}
	if (character < smallest[n] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret = character;
	return 1 + n;
}

bool utf8_valid(const char *string)
{
	while (*string) {
		uint32_t character;
		unsigned n = utf8_read(string, &character);

		if (n == 0)
			return false;
		string += n;
	}
	return true;
}
