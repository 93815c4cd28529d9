/* The directory at the end of a zip file that we made ourselves: no comment behind it, less than 4 GiB. */
#include "lib/finance/sheet/whole.h"

#include <string.h>

#define END_BYTES 22
#define ENTRY_BYTES 46
#define SHEETS "xl/worksheets/sheet"

static uint32_t
number_at(const unsigned char *bytes, int len)
{
	uint32_t number = 0;

	for (int i = len - 1; i >= 0; i--)
		number = number << 8 | bytes[i];
	return number;
}

int64_t
whole_sheet_bytes(FILE *workbook)
{
	unsigned char end[END_BYTES], entry[ENTRY_BYTES];
	int64_t bytes = 0;

	if (fseek(workbook, -END_BYTES, SEEK_END) != 0 || fread(end, 1, sizeof(end), workbook) != sizeof(end) ||
	    memcmp(end, "PK\5\6", 4) != 0 || fseek(workbook, (long) number_at(end + 16, 4), SEEK_SET) != 0)
		return -1;
	for (uint32_t i = number_at(end + 10, 2); i > 0; i--) {
		char name[sizeof(SHEETS)] = "";
		uint32_t name_len, rest;

		if (fread(entry, 1, sizeof(entry), workbook) != sizeof(entry) || memcmp(entry, "PK\1\2", 4) != 0)
			return -1;
		name_len = number_at(entry + 28, 2);
		rest = name_len + number_at(entry + 30, 2) + number_at(entry + 32, 2);
		if (name_len >= strlen(SHEETS)) {
			if (fread(name, 1, strlen(SHEETS), workbook) != strlen(SHEETS))
				return -1;
			rest -= (uint32_t) strlen(SHEETS);
		}
		if (strcmp(name, SHEETS) == 0)
			bytes += number_at(entry + 24, 4);
		if (fseek(workbook, (long) rest, SEEK_CUR) != 0)
			return -1;
	}
	return bytes;
}
