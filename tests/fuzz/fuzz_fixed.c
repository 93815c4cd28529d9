/* Fixed width: lines with levels and totals by shipped profiles, and records with lengths before them in
 * EBCDIC. */
#include "tests/fuzz/parse_bytes.h"

static const char *const profiles[] = {"absa-unpaids", "nacha-returns", NULL};
static const char prefixed[] =
    "profile: fuzz\npartner: FUZZ\nprogramme: NS\nformat: fixed\nencoding: ibm037\n"
    "framing: {prefix: rdw}\nfixed: {trimmed: yes, length: 20}\n"
    "records:\n"
    "  head:\n    role: header\n    when: {1: \"H\"}\n    fields:\n"
    "      sequence: {at: 2-5}\n"
    "  item:\n    role: entry\n    when: {1: \"D\"}\n    verdict: accepted\n    fields:\n"
    "      outbound_reference: {at: 2-9}\n"
    "      points: {at: 10-14}\n"
    "  tail:\n    role: trailer\n    when: {1: \"T\"}\n    fields:\n"
    "      count: {at: 2-5, type: integer}\n"
    "controls:\n  records: tail.count = count(item)\n"
    "match: [outbound_reference]\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'p')
		parse_bytes(prefixed, data + 1, size - 1);
	else
		parse_shipped(profiles, data, size);
	return 0;
}
