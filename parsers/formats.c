/* The one list of formats. */
#include "parsers/assemble.h"

const struct format *
format_of(const struct layout *layout)
{
	static const struct format *const formats[] = {
	    [FORMAT_DELIMITED] = &delimited_format,
	    [FORMAT_FIXED] = &fixed_format,
	    [FORMAT_XML] = &xml_format,
	    [FORMAT_JSON] = &json_format,
	    [FORMAT_JSON_LINES] = &json_format,
	};

	return formats[layout->format];
}
