/* Opponent: libcsv alone over a file's bytes, counting fields and rows. */
#include <csv.h>
#include <fcntl.h>
#include <unistd.h>

struct counts {
	unsigned long fields, rows, bytes;
};

static void
on_field(void *text, size_t len, void *data)
{
	struct counts *c = data;
	(void) text;
	c->fields++;
	c->bytes += len;
}

static void
on_row(int end, void *data)
{
	struct counts *c = data;
	(void) end;
	c->rows++;
}

int
main(int argc, char **argv)
{
	static char buffer[256 << 10];
	struct csv_parser parser;
	struct counts counts = {0};
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	ssize_t n;

	/* loaded by now, as handback-parse is before its job comes: it begins when its input ends */
	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	if (fd < 0 || csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI))
		return 2;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (csv_parse(&parser, buffer, (size_t) n, on_field, on_row, &counts) != (size_t) n)
			return 1;
	csv_fini(&parser, on_field, on_row, &counts);
	csv_free(&parser);
	printf("%lu fields, %lu rows, %lu bytes\n", counts.fields, counts.rows, counts.bytes);
	return 0;
}
