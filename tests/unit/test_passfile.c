/* lib/db/passfile: systemd's way of handing out a password file, and what stays libpq's to refuse. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/db/passfile.h"

#define LINES "*:*:*:*:a:secret\n"

static char path[64];

/* A password file with this mode, of this owner. */
static void
put(mode_t mode, uid_t owner)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/handback-passfile-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, LINES, strlen(LINES)), strlen(LINES));
	assert_int_equal(fchmod(fd, mode), 0);
	if (geteuid() == 0)
		assert_int_equal(fchown(fd, owner, owner), 0);
	close(fd);
}

static int
remove_it(void **state)
{
	(void) state;
	unlink(path);
	unsetenv("PGPASSFILE");
	return 0;
}

/* systemd 257: 0440 of root, and an access list for the service's user. */
static void
test_a_credential_is_copied(void **state)
{
	char copy[64], bytes[64] = "";
	struct stat st;
	FILE *in;
	int fd;

	(void) state;
	if (geteuid() != 0)
		skip();
	put(0440, 0);
	fd = passfile_private(path, copy, sizeof(copy));
	assert_true(fd >= 0);
	/* what libpq looks at: a plain file that nobody but its owner may read */
	assert_int_equal(stat(copy, &st), 0);
	assert_true(S_ISREG(st.st_mode) && (st.st_mode & 077) == 0);
	in = fopen(copy, "re");
	assert_non_null(in);
	assert_int_equal(fread(bytes, 1, sizeof(bytes), in), strlen(LINES));
	assert_string_equal(bytes, LINES);
	fclose(in);
	close(fd);
	setenv("PGPASSFILE", path, 1);
	fd = passfile_private(NULL, copy, sizeof(copy));
	assert_true(fd >= 0);
	close(fd);
}

static void
test_what_libpq_reads_itself_is_left_to_it(void **state)
{
	char copy[64];

	(void) state;
	put(0400, 0);
	assert_int_equal(passfile_private(path, copy, sizeof(copy)), -1);
	assert_int_equal(passfile_private("/nonexistent", copy, sizeof(copy)), -1);
	assert_int_equal(passfile_private("/tmp", copy, sizeof(copy)), -1);
}

static void
test_what_others_may_read_is_no_secret(void **state)
{
	char copy[64];

	(void) state;
	put(0444, 0);
	assert_int_equal(passfile_private(path, copy, sizeof(copy)), -1);
	unlink(path);
	put(0440, 65534);
	assert_int_equal(passfile_private(path, copy, sizeof(copy)), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_a_credential_is_copied, remove_it),
	    cmocka_unit_test_teardown(test_what_libpq_reads_itself_is_left_to_it, remove_it),
	    cmocka_unit_test_teardown(test_what_others_may_read_is_no_secret, remove_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
