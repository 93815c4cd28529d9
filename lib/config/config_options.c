/* The one table of what handback.yaml may say. */
#include "lib/base/log.h"
#include "lib/config/config.h"

#define TOP(member) .offset = offsetof(struct config, member)
#define SOURCE(member) .offset = offsetof(struct config_source, member)
#define DAY_MS (24LL * 60 * 60 * 1000)

static const char *const sandbox_words[] = {"full", "no_landlock", NULL};
static const char *const synchronous_words[] = {"preset", "required", NULL};
static const char *const digest_words[] = {"computed", "required", NULL};
static const char *const after_words[] = {"leave", "move", "delete", NULL};

static const struct config_option options[] = {
    {"database.embedded", CONFIG_PATH, NULL, false, false,
     "directory of a private PostgreSQL cluster that handback makes, starts and stops",
     TOP(database_embedded)},
    {"database.user", CONFIG_TEXT, "postgres", false, false,
     "operating system user of the embedded cluster when started by root", TOP(database_user)},
    {"database.conninfo", CONFIG_TEXT, NULL, false, true,
     "libpq connection string of a PostgreSQL server, instead of an embedded one", TOP(database_conninfo)},
    {"database.read", CONFIG_TEXT, NULL, false, true,
     "another one for commands that only read: a hot standby will do, and they say as of when it is", TOP(database_read)},
    {"database.synchronous", CONFIG_WORD, "preset", false, true,
     "required: nothing is committed while the server has no synchronous standby (synchronous_standby_names is "
     "empty); preset: as the server is set",
     TOP(database_synchronous), 0, 0, synchronous_words},
    {"spool", CONFIG_PATH, "/var/lib/handback/spool", false, false,
     "directory of work copies, archive and quarantine; one handbackd for each", TOP(spool)},
    {"retention.archive", CONFIG_DURATION, NULL, false, true,
     "for how long copies stay in the archive: the nightly run removes older ones, as 400d; without it, for "
     "ever",
     TOP(archive_ms), DAY_MS, 36500 * DAY_MS},
    {"retention.quarantine", CONFIG_DURATION, NULL, false, true,
     "the same for copies of held files whose hold has ended", TOP(quarantine_ms), DAY_MS, 36500 * DAY_MS},
    {"retention.deliveries", CONFIG_DURATION, NULL, false, true,
     "for how long it is kept what targets were told when, at least 30d; without it, for ever",
     TOP(deliveries_ms), 30 * DAY_MS, 36500 * DAY_MS},
    {"profiles", CONFIG_PATH, "/etc/handback/profiles", false, true, "directory of partners' profiles",
     TOP(profiles)},
    {"reports", CONFIG_PATH, "/var/lib/handback/reports", false, true,
     "directory that reports are written to", TOP(reports)},
    {"company", CONFIG_TEXT, NULL, false, true,
     "whose reports these are: what stands above the month-end pack", TOP(company)},
    {"control", CONFIG_PATH, "/run/handback/control", false, false,
     "UNIX socket on which handbackd answers handbackctl", TOP(control)},
    {"web", CONFIG_TEXT, CONFIG_WEB, false, true,
     "where people open the pages, as https://handback.example: what `handbackctl web login` puts before its "
     "link",
     TOP(web)},
    {"approve_within", CONFIG_DURATION, "5m", false, true,
     "to approve on a page, a person has shown so lately who it is; 0s: being logged in is enough",
     TOP(approve_within_ms), 0, DAY_MS},
    {"login.proxy.user", CONFIG_TEXT, NULL, false, false,
     "operating system user of the proxy in front of handback-login: whoever else connects to it is not heard",
     TOP(login.proxy_user)},
    {"login.proxy.header", CONFIG_TEXT, NULL, false, false,
     "header in which that proxy says who somebody is, as X-Remote-User; it has to take away what a browser sends "
     "under this name",
     TOP(login.proxy_header)},
    {"login.people", CONFIG_TEXTS, NULL, false, false,
     "whom of the people a name is that the proxy gives, as \"ann.lee@example.com = ann\"; who is not listed does not "
     "get in. Without it, a name is the login of the database itself",
     TOP(login.people)},
    {"metrics.listen", CONFIG_TEXT, NULL, false, false,
     "where metrics, /healthz and /readyz are served: a UNIX socket's path, or 127.0.0.1:PORT or [::1]:PORT",
     TOP(metrics)},
    {"metrics.interval", CONFIG_DURATION, "1m", false, true,
     "how often handback-collect reads the database and the spool for the metrics", TOP(metrics_interval_ms),
     100, DAY_MS},
    {"notifications.command", CONFIG_PATH, NULL, false, true,
     "program that is given each notification once, as JSON on its input", TOP(notifications_command)},
    {"notifications.mail", CONFIG_TEXT, NULL, false, true,
     "address that each notification is mailed to, by sendmail", TOP(notifications_mail)},
    {"notifications.sendmail", CONFIG_PATH, "/usr/sbin/sendmail", false, true,
     "program that takes mails, as sendmail does", TOP(notifications_sendmail)},
    {"checkpoints.file", CONFIG_PATH, NULL, false, true,
     "where handback-verify appends a signed checkpoint of the proof, and compares it with those that are "
     "there",
     TOP(checkpoints)},
    {"checkpoints.verifiers", CONFIG_TEXTS, NULL, false, true,
     "keys that may have signed them, as handbackctl audit key writes them: the current one and those before",
     TOP(verifiers)},
    {"workers", CONFIG_INT, "2", false, true,
     "files handled at the same time, each over a database connection", TOP(workers), 1, 64},
    {"rescan", CONFIG_DURATION, "10s", false, true,
     "time between two scans of each inbound directory, whatever events say", TOP(rescan_ms), 100, DAY_MS},
    {"settle", CONFIG_DURATION, "2s", false, true,
     "how long a file must stay unchanged before it is taken, by our own clock", TOP(settle_ms), 0, DAY_MS},
    {"deadline", CONFIG_DURATION, "5m", false, true,
     "how long a worker may handle a file without a sign of progress (and a second more for each 256 KiB)",
     TOP(deadline_ms), 1000, DAY_MS},
    {"sandbox", CONFIG_WORD, "full", false, true,
     "what locks down the parsers, the fetcher and the decrypter: no_landlock goes on without Landlock where "
     "the "
     "kernel has none (before 5.13; before 5.19 for the latter two); the rest of the sandbox holds",
     TOP(sandbox), 0, 0, sandbox_words},
    {"log_level", CONFIG_WORD, "info", false, true, "the least urgent events that are logged", TOP(log_level),
     0, 0, log_level_words},

    {"sources[].name", CONFIG_TEXT, NULL, true, true, "what this source is called: a-z, 0-9, '-' and '_'",
     SOURCE(name)},
    {"sources[].partner", CONFIG_TEXT, NULL, true, true, "code of the partner whose files these are",
     SOURCE(partner)},
    {"sources[].profile", CONFIG_TEXT, NULL, true, true,
     "how the files are read: a file of the profiles directory, without .yaml", SOURCE(profile)},
    {"sources[].directory", CONFIG_PATH, NULL, false, true, "inbound directory", SOURCE(directory)},
    {"sources[].answers", CONFIG_PATH, NULL, false, true,
     "directory for the files of rejects that the profile wants (answer.rejects); from a server's source "
     "they are "
     "uploaded",
     SOURCE(answers)},
    {"sources[].files", CONFIG_TEXTS, "*", false, true, "names to take, as shell patterns", SOURCE(files)},
    {"sources[].ignore", CONFIG_TEXTS, ".* *.tmp *.part *.filepart *~ *.swp", false, true,
     "names never to take, as shell patterns", SOURCE(ignore)},
    {"sources[].settle", CONFIG_DURATION, NULL, false, true, "settle time of this source; without it, settle",
     SOURCE(settle_ms), 0, DAY_MS},
    {"sources[].marker", CONFIG_TEXT, NULL, false, true,
     "a file is taken as soon as one of its name and this suffix is there, and not before", SOURCE(marker)},
    {"sources[].checksum", CONFIG_TEXT, NULL, false, true,
     "a file is taken only with another of its name and this suffix that has its SHA-256", SOURCE(checksum)},

    {"sources[].api.quota_mib", CONFIG_INT, "20480", false, true,
     "files come by the API (`api: {}` is enough), and may take so much of the spool until they are read, in "
     "MiB",
     SOURCE(api.quota_mib), 1, 1 << 30},
    {"sources[].api.digest", CONFIG_WORD, "computed", false, true,
     "required: a file without a Content-Digest is refused; computed: it is only answered",
     SOURCE(api.digest), 0, 0, digest_words},

    {"sources[].sftp.host", CONFIG_TEXT, NULL, false, true,
     "fetch the files from this SFTP server, instead of a directory", SOURCE(sftp.host)},
    {"sources[].sftp.port", CONFIG_INT, "22", false, true, "its port", SOURCE(sftp.port), 1, 65535},
    {"sources[].sftp.user", CONFIG_TEXT, NULL, false, true, "who to log in as", SOURCE(sftp.user)},
    {"sources[].sftp.directory", CONFIG_TEXT, ".", false, true, "directory on the server",
     SOURCE(sftp.directory)},
    {"sources[].sftp.key", CONFIG_PATH, NULL, false, true,
     "file with the private key; nobody else may read it", SOURCE(sftp.key)},
    {"sources[].sftp.passphrase", CONFIG_PATH, NULL, false, true, "file with the key's passphrase",
     SOURCE(sftp.passphrase)},
    {"sources[].sftp.password", CONFIG_PATH, NULL, false, true,
     "file with a password, for a server that takes no key", SOURCE(sftp.password)},
    {"sources[].sftp.host_keys", CONFIG_TEXTS, NULL, false, true,
     "SHA-256 fingerprints of the server's keys, the current and the next", SOURCE(sftp.host_keys)},
    {"sources[].sftp.known_hosts", CONFIG_PATH, NULL, false, true, "the same as a file in OpenSSH's format",
     SOURCE(sftp.known_hosts)},
    {"sources[].sftp.interval", CONFIG_DURATION, "5m", false, true, "time between two polls of the server",
     SOURCE(sftp.interval_ms), 1000, 7 * DAY_MS},
    {"sources[].sftp.window", CONFIG_TEXTS, NULL, false, true,
     "times of day (UTC) in which it polls, as 06:00-22:30; without it, always", SOURCE(sftp.window)},
    {"sources[].sftp.schedule", CONFIG_TEXT, NULL, false, true,
     "when to poll, as in crontab(5), \"*/15 6-20 * * 1-5\"; instead of interval and window",
     SOURCE(sftp.schedule)},
    {"sources[].sftp.zone", CONFIG_TEXT, "UTC", false, true, "time zone of the schedule, as Europe/Zurich",
     SOURCE(sftp.zone)},
    {"sources[].sftp.reread", CONFIG_DURATION, "7d", false, true,
     "what was left on the server is read again after this time, in case other bytes have its name, size and "
     "time; 0s: never",
     SOURCE(sftp.reread_ms), 0, 3650 * DAY_MS},
    {"sources[].sftp.connect", CONFIG_DURATION, "15s", false, true,
     "time for connecting and the key exchange", SOURCE(sftp.connect_ms), 1000, DAY_MS},
    {"sources[].sftp.stall", CONFIG_DURATION, "30s", false, true,
     "time without an answer after which a run ends", SOURCE(sftp.stall_ms), 1000, DAY_MS},
    {"sources[].sftp.deadline", CONFIG_DURATION, "1h", false, true,
     "time for a whole run; the next one goes on where it ended", SOURCE(sftp.deadline_ms), 1000, DAY_MS},
    {"sources[].sftp.rate", CONFIG_INT, "1000", false, true,
     "bytes in a second below which a run ends; 0: any", SOURCE(sftp.rate), 0, 1000000000},
    {"sources[].sftp.key_exchange", CONFIG_TEXTS, NULL, false, true,
     "algorithms to allow, in OpenSSH's words; without it, what docs/sftp.md lists",
     SOURCE(sftp.key_exchange)},
    {"sources[].sftp.ciphers", CONFIG_TEXTS, NULL, false, true, "the same for ciphers", SOURCE(sftp.ciphers)},
    {"sources[].sftp.macs", CONFIG_TEXTS, NULL, false, true, "the same for MACs", SOURCE(sftp.macs)},
    {"sources[].sftp.after", CONFIG_WORD, "leave", false, true,
     "what becomes of the file on the server after the commit", SOURCE(sftp.after), 0, 0, after_words},
    {"sources[].sftp.after_directory", CONFIG_TEXT, NULL, false, true,
     "directory on the server that it is moved to", SOURCE(sftp.after_directory)},
    {"sources[].sftp.answer", CONFIG_TEXT, NULL, false, true,
     "text to upload for each file when it is archived; {name} {sha256} {bytes} {state} {records} "
     "{confirmed} "
     "{reversed} {held} {time} are filled in",
     SOURCE(sftp.answer)},
    {"sources[].sftp.answer_name", CONFIG_TEXT, "{name}.ack", false, true, "name of the answer",
     SOURCE(sftp.answer_name)},
    {"sources[].sftp.answer_directory", CONFIG_TEXT, NULL, false, true,
     "directory on the server for it; without it, the source's", SOURCE(sftp.answer_directory)},
    {"sources[].sftp.requests_directory", CONFIG_TEXT, NULL, false, true,
     "directory on the server for request files, which handback-outbox puts into .requests of the source's "
     "incoming; without it, there are none",
     SOURCE(sftp.requests_directory)},
};

const struct config_option *
config_options(size_t *ret_count)
{
	*ret_count = sizeof(options) / sizeof(options[0]);
	return options;
}

const char *
config_type_name(enum config_type type)
{
	static const char *const names[] = {"text", "path", "number", "duration", "word", "list of texts"};

	return names[type];
}

bool
config_describe(FILE *out)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct config_option *o = &options[i];
		const char *default_value = o->default_value != NULL ? o->default_value
		                            : o->required            ? "(required)"
		                                                     : "(none)";

		if (fprintf(out, "%s\t%s", o->name, config_type_name(o->type)) < 0)
			return false;
		for (size_t w = 0; o->words != NULL && o->words[w] != NULL; w++)
			if (fprintf(out, "%s%s", w == 0 ? ": " : ", ", o->words[w]) < 0)
				return false;
		if (fprintf(out, "\t%s\t%s\t%s\n", default_value, o->reloadable ? "reload" : "restart", o->help) < 0)
			return false;
	}
	return true;
}
