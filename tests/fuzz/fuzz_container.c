/* A zip around JSON Lines, in one data file and in several.  (gzip is all zlib, which has fuzzers of its
 * own.) */
#include "tests/fuzz/parse_bytes.h"

#define PROFILE(member)                                                                                      \
	"profile: fuzz\npartner: FUZZ\nprogramme: NS\nformat: json_lines\nzone: UTC\n"                           \
	"container: {kind: zip, " member ": \"*.json\", ignore: \"__MACOSX/*\"}\n"                               \
	"records:\n"                                                                                             \
	"  item:\n    role: entry\n    path: /\n    fields:\n"                                                   \
	"      partner_reference: {at: r, type: id}\n"                                                           \
	"      points: {at: v}\n"                                                                                \
	"      status: {at: s, type: id}\n"                                                                      \
	"verdict:\n  field: status\n  words: {Y: accepted, N: rejected}\n"                                       \
	"match: [partner_reference]\ncheck: none\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char one[] = PROFILE("member"), several[] = PROFILE("files");

	parse_bytes(one, data, size);
	parse_bytes(several, data, size);
	return 0;
}
