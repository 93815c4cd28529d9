/* XML with nested levels, attributes, namespaces, sets and a control total. */
#include "tests/fuzz/parse_bytes.h"

static const char profile[] = "profile: fuzz\npartner: FUZZ\nprogramme: NS\nformat: xml\nzone: UTC\n"
                              "xml:\n  namespace: urn:f\n  namespaces: {o: urn:o}\n"
                              "records:\n"
                              "  file:\n    role: level\n    path: /F\n    fields:\n"
                              "      sequence: {at: \"@n\"}\n"
                              "      count: {at: T/@c, type: integer}\n"
                              "  item:\n    role: entry\n    path: /F/I\n    fields:\n"
                              "      partner_reference: {at: \"@r\", type: id}\n"
                              "      member: {at: \"P[@k='m']/M\", type: id}\n"
                              "      points: {at: V}\n"
                              "      status: {at: \"*/@s\", type: id}\n"
                              "      reason: {at: o:W, many: yes, optional: yes}\n"
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
