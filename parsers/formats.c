/* The one list of formats.  WITHOUT_XML: all but the one whose library takes longer to load than a small file
 * to be read. */
#include "parsers/assemble/assemble.h"

static const struct format *const formats[] = {
    [FORMAT_DELIMITED] = &delimited_format,
    [FORMAT_FIXED] = &fixed_format,
#ifdef WITHOUT_XML
    [FORMAT_XML] = NULL,
#else
    [FORMAT_XML] = &xml_format,
#endif
    [FORMAT_JSON] = &json_format,
    [FORMAT_JSON_LINES] = &json_format,
};

const struct format *
format_of(const struct layout *layout)
{
	return formats[layout->format];
}

void
formats_start(void)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i] != NULL && formats[i]->start != NULL)
			formats[i]->start();
}
