/* Fixed width: lines with levels and totals by shipped profiles, and records with lengths before them in
 * EBCDIC; lines that are cut by a pattern. */
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
    "match: [outbound_reference]\ncheck: none\n";

static const char cut[] =
    "profile: fuzz\npartner: FUZZ\nprogramme: NS\nformat: fixed\nencoding: utf-8\n"
    "framing: {newline: lf}\n"
    "records:\n"
    "  item:\n    role: entry\n    fields:\n"
    "      line: {at: 1-, pattern: \"{date:6!n}[{entry:4!n}]{side:RC|RD|C|D}[{funds:1!a}]{amount:15d}"
    "{kind:4!c}{outbound_reference:16x}[//{reason_text:16x}]\"}\n"
    "      date: {format: YYMMDD}\n      entry: {}\n      side: {}\n      funds: {}\n"
    "      amount: {point: \",\", decimals: 0-2, sign: {field: side, minus: [C, RD], plus: [D, RC]}}\n"
    "      kind: {}\n      outbound_reference: {type: text}\n      reason_text: {}\n"
    "verdict: {field: side, words: {D: accepted, RD: rejected, C: ignore, RC: ignore}}\n"
    "match: [outbound_reference]\ncheck: none\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'p')
		parse_bytes(prefixed, data + 1, size - 1);
	else if (size > 0 && data[0] == 'c')
		parse_bytes(cut, data + 1, size - 1);
	else
		parse_shipped(profiles, data, size);
	return 0;
}
