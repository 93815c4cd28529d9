#include "tests/unit/check.h"

#include <syslog.h>

#include "lib/config/config.h"

static struct problems *problems;

static int
setup(void **state)
{
	(void) state;
	problems = problems_new("h.yaml");
	return problems == NULL;
}

static int
teardown(void **state)
{
	(void) state;
	problems_free(problems);
	return 0;
}

static struct config *
read(const char *text)
{
	return config_parse("/etc/handback/h.yaml", text, strlen(text), problems);
}

static void
told(const char *line)
{
	for (size_t i = 0; problems_line(problems, i) != NULL; i++)
		if (strcmp(problems_line(problems, i), line) == 0)
			return;
	for (size_t i = 0; problems_line(problems, i) != NULL; i++)
		print_message("%s\n", problems_line(problems, i));
	fail_msg("not told: %s", line);
}

static const char whole[] = "database:\n"
                            "  conninfo: host=/run/postgresql\n"
                            "spool: spool\n"
                            "settle: 5s\n"
                            "log_level: debug\n"
                            "sources:\n"
                            "  - name: skyline\n"
                            "    partner: SKYLINE\n"
                            "    profile: skyline\n"
                            "    directory: in/skyline\n"
                            "    files: ['*.csv', '*.CSV']\n"
                            "  - name: aurora\n"
                            "    partner: AURORA\n"
                            "    profile: aurora\n"
                            "    settle: 0ms\n"
                            "    sftp:\n"
                            "      host: files.example\n"
                            "      user: us\n"
                            "      key: keys/aurora\n"
                            "      host_keys: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

static void
values_presets_and_paths(void **state)
{
	struct config *c = read(whole);

	(void) state;
	assert_non_null(c);
	assert_string_equal(c->path, "/etc/handback/h.yaml");
	assert_string_equal(c->database_conninfo, "host=/run/postgresql");
	assert_null(c->database_embedded);
	assert_string_equal(c->spool, "/etc/handback/spool");
	assert_string_equal(c->reports, "/var/lib/handback/reports");
	assert_int_equal(c->workers, 2);
	assert_int_equal(c->rescan_ms, 10000);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->source_count, 2);
	assert_string_equal(c->sources[0].directory, "/etc/handback/in/skyline");
	assert_string_equal(c->sources[0].files[1], "*.CSV");
	assert_null(c->sources[0].files[2]);
	assert_string_equal(c->sources[0].ignore[5], "*.swp");
	assert_null(c->sources[0].ignore[6]);
	assert_int_equal(c->sources[0].settle_ms, 5000);
	assert_null(c->sources[0].marker);
	assert_null(c->sources[0].sftp.host);
	assert_int_equal(c->sources[1].settle_ms, 0);
	assert_string_equal(c->sources[1].directory, "/etc/handback/spool/incoming/aurora");
	assert_int_equal(c->sources[1].sftp.port, 22);
	assert_string_equal(c->sources[1].sftp.key, "/etc/handback/keys/aurora");
	assert_string_equal(c->sources[1].sftp.host_keys[0],
	                    "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_ptr_equal(config_source(c, "aurora"), &c->sources[1]);
	assert_null(config_source(c, "other"));
	config_free(c);
}

static void
several_mistakes_at_once(void **state)
{
	(void) state;
	assert_null(read(
	    "database:\n"
	    "  embeded: x\n"
	    "spool: {a: b}\n"
	    "workers: 0\n"
	    "rescan: 10ms\n"
	    "control: /" /* 108 bytes */
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaa\n"
	    "sources:\n"
	    "  - name: Sky Line\n"
	    "    partner: X\n"
	    "    profil: x\n"
	    "extra: 1\n"));
	told("h.yaml:2:3: database.embeded: unknown key; did you mean embedded?");
	told("h.yaml:1:1: database: say where the database is: database.embedded (a directory) or "
	     "database.conninfo");
	told("h.yaml:3:1: spool: must be a text, not a map");
	told("h.yaml:4:10: workers: must be a whole number from 1 to 64, not \"0\"");
	told("h.yaml:5:9: rescan: must be from 100 ms to 86400 s");
	told("h.yaml:6:10: control: a UNIX socket's path has at most 107 bytes; this one has 108");
	told("h.yaml:11:1: extra: unknown key");
	told("h.yaml:10:5: sources[0].profil: unknown key; did you mean profile?");
}

static void
mistakes_in_sources(void **state)
{
	(void) state;
	assert_null(read("database: {embedded: db}\n"
	                 "spool: /s\n"
	                 "sources:\n"
	                 "  - name: Sky Line\n"
	                 "    partner: X\n"
	                 "    profil: x\n"
	                 "    directory: /s/in\n"
	                 "  - {name: a, partner: X, profile: ../x, directory: /d}\n"
	                 "  - {name: a, partner: X, profile: x, directory: /d}\n"
	                 "  - {name: b, partner: X, profile: x}\n"
	                 "  - {name: c, partner: X, profile: x, sftp: {host: h, after: move, prot: 1}}\n"
	                 "  - 5\n"));
	told("h.yaml:4:11: sources[0].name: 1 to 63 of a-z, 0-9, '-' and '_', not beginning with '-'");
	told("h.yaml:6:5: sources[0].profil: unknown key; did you mean profile?");
	told("h.yaml:4:5: sources[0]: profile is missing: how the files are read: a file of the profiles "
	     "directory, "
	     "without .yaml");
	told("h.yaml:7:16: sources[0].directory: lies in the spool; partners' files and ours must not mix");
	told("h.yaml:8:36: sources[1].profile: the name of a file in the profiles directory, without .yaml");
	told("h.yaml:9:12: sources[2].name: sources[1] has this name already");
	told("h.yaml:9:50: sources[2].directory: sources[1] takes the same files from the same directory: give "
	     "each "
	     "its own pattern");
	told("h.yaml:10:5: sources[3]: say where the files come from: directory, sftp or api");
	told("h.yaml:11:39: sources[4].sftp: user is missing: who to log in as");
	told("h.yaml:11:68: sources[4].sftp.prot: unknown key; did you mean port?");
	told("h.yaml:11:62: sources[4].sftp.after: move needs after_directory");
	told("h.yaml:12:5: sources[5]: must be a map");
}

static void
a_file_that_is_not_there(void **state)
{
	(void) state;
	assert_null(config_load("/nonexistent/h.yaml", problems));
	told("h.yaml: cannot be read: No such file or directory");
}

static void
what_a_reload_cannot_change(void **state)
{
	struct config *a = read(whole);
	struct config *b = read("database: {conninfo: other}\nspool: /etc/handback/spool\nworkers: 5\n");
	struct config *c = read("database: {conninfo: other}\nspool: /elsewhere\n");
	struct config *d = read("database: {embedded: db}\nspool: /etc/handback/spool\n");

	(void) state;
	assert_null(config_needs_restart(a, b));
	assert_string_equal(config_needs_restart(a, c), "spool");
	assert_string_equal(config_needs_restart(a, d), "database.embedded");
	config_free(a);
	config_free(b);
	config_free(c);
	config_free(d);
	config_free(NULL);
}

static void
presets_of_the_table_can_be_read(void **state)
{
	size_t count;
	const struct config_option *options = config_options(&count);
	FILE *null = fopen("/dev/null", "w");

	(void) state;
	for (size_t i = 0; i < count; i++) {
		assert_non_null(options[i].help);
		assert_false(options[i].required && options[i].default_value != NULL);
		assert_non_null(config_type_name(options[i].type));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(options[i].name, options[k].name);
	}
	assert_true(config_describe(null));
	fclose(null);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(values_presets_and_paths),    TEST(several_mistakes_at_once),
	    TEST(mistakes_in_sources),         TEST(a_file_that_is_not_there),
	    TEST(what_a_reload_cannot_change), TEST(presets_of_the_table_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
