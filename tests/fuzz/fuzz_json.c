/* JSON with a header, an array of records and a set. */
#include "tests/fuzz/parse_bytes.h"

static const char profile[] = "profile: fuzz\npartner: FUZZ\nprogramme: NS\nformat: json\nzone: UTC\n"
                              "records:\n"
                              "  file:\n    role: level\n    path: /\n    fields:\n"
                              "      sequence: {at: h/n}\n"
                              "      count: {at: h/c, type: integer}\n"
                              "  item:\n    role: entry\n    path: \"/i[]\"\n    fields:\n"
                              "      partner_reference: {at: r, type: id}\n"
                              "      member: {at: p/m, type: id}\n"
                              "      points: {at: v}\n"
                              "      status: {at: s, type: id}\n"
                              "      reason: {at: \"w[]\", many: yes, optional: yes}\n"
                              "verdict:\n  field: status\n  words: {Y: accepted, N: rejected}\n"
                              "controls:\n  records: file.count = count(item)\n"
                              "match: [partner_reference]\ncheck: none\n"
                              "reasons:\n  R1: {means: not_available, action: reverse}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse_bytes(profile, data, size);
	return 0;
}
