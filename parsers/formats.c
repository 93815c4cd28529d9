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

int
formats_read(const struct layout *layout, struct input *in, struct assemble *a, uint64_t *ret_bytes)
{
	const struct slice nothing = {NULL, 0};
	int rc = format_of(layout)->parse(layout, in, a, ret_bytes);

	if (rc == 0 && !assemble_refused(a)) {
		/* what is left would be dropped, and nobody told */
		rc = input_ended(in);
		if (rc == 0)
			(void) assemble_refuse(a, "trailing_bytes", NULL, nothing, 0, *ret_bytes,
			                       "the file goes on behind its last record");
	}
	if (rc >= 0 || in->rule == NULL)
		return 0;
	if (in->failed)
		return -1;
	(void) assemble_refuse(a, in->rule, NULL, nothing, 0, *ret_bytes, "%s", in->why);
	return 0;
}

void
formats_start(void)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i] != NULL && formats[i]->start != NULL)
			formats[i]->start();
}
