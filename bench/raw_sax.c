/* Opponent: libxml2's SAX2 push parser alone over a file's bytes, counting elements and text. */
#include <fcntl.h>
#include <libxml/parser.h>
#include <unistd.h>

struct counts {
	unsigned long elements, bytes;
};

static void
on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces,
         const xmlChar **namespace_list, int attributes, int defaulted, const xmlChar **attribute_list)
{
	struct counts *c = ctx;
	(void) name, (void) prefix, (void) uri, (void) namespaces, (void) namespace_list;
	(void) attributes, (void) defaulted, (void) attribute_list;
	c->elements++;
}

static void
on_text(void *ctx, const xmlChar *text, int len)
{
	struct counts *c = ctx;
	(void) text;
	c->bytes += (unsigned long) len;
}

int
main(int argc, char **argv)
{
	static char buffer[256 << 10];
	struct counts counts = {0};
	xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC, .startElementNs = on_start, .characters = on_text};
	xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, &counts, NULL, 0, NULL);
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	ssize_t n;

	/* loaded by now, as handback-parse is before its job comes: it begins when its input ends */
	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	if (fd < 0 || parser == NULL)
		return 2;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (xmlParseChunk(parser, buffer, (int) n, 0))
			return 1;
	if (xmlParseChunk(parser, buffer, 0, 1))
		return 1;
	printf("%lu elements, %lu bytes\n", counts.elements, counts.bytes);
	xmlFreeParserCtxt(parser);
	return 0;
}
