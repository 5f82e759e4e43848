/* The configuration file: where it is found, what it may contain, what is refused, and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_file.h"

/* --- defaults --- */

static void without_any_file_the_defaults_hold(void **state)
{
	(void)state;
	struct config config = loaded(NULL);

	assert_string_equal(config.path, "");
	assert_path(config.json_db_dir, "home/.config/image-label-server/json_data");
	assert_path(config.sqlite_db_dir, "home/.config/image-label-server/sqlite_dbs");
	assert_path(config.json_user_dir, "home/.config/image-label-server/json_users");
	assert_path(config.image_store.dir, "home/.config/image-label-server/images");
	assert_string_equal(config.default_dataset, "");
	assert_string_equal(config.dataset_store.type, "sqlite");
	assert_string_equal(config.dataset_store.uri, "");
	assert_string_equal(config.image_store.type, "fs");
	assert_string_equal(config.image_store.secret_key, "");
	assert_int_equal(config.listen.address.count, 1);
	assert_string_equal(config.listen.address.item[0], "::");
	assert_int_equal(config.listen.trusted_proxy.count, 0);
	assert_string_equal(config.listen.base_path, "");
	assert_int_equal(config.listen.http_port, 44444);
	assert_int_equal(config.limits.json_bytes, 1024 * 1024);
	assert_int_equal(config.limits.lease_seconds, 300);
	assert_int_equal(config.limits.file_bytes, 64 * 1024 * 1024);
	assert_int_equal(config.limits.image_pixels, 100 * 1000 * 1000);
	assert_int_equal(config.limits.files_per_request, 1000);
	assert_int_equal(config.limits.dataset_bytes, 0);
	assert_int_equal(config.limits.archive_bytes, INT64_C(32) << 30);
	assert_int_equal(config.limits.archive_entries, 1000 * 1000);
	assert_int_equal(config.limits.archive_entry_bytes, 64 * 1024 * 1024);
	assert_int_equal(config.limits.upload_expires_seconds, 86400);
	assert_int_equal(config.limits.slow_seconds, 30);
	assert_int_equal(config.limits.slow_bytes_per_second, 1024);
	assert_int_equal(config.limits.human_requests_per_second, 20);
	assert_int_equal(config.limits.open_datasets, 64);
	assert_int_equal(config.limits.log_bytes, 64 << 20);
	assert_int_equal(config.limits.disk_free_bytes, 256 << 20);
	assert_int_equal(config.image_roots.count, 0);
	assert_int_equal(config.base_dirs.count, 0);
	assert_int_equal(config.archive_skip.count, 1);
	assert_string_equal(config.archive_skip.item[0], "BACKGROUND_Google");
	assert_string_equal(config.log_level, "info");
	config_release(&config);
}

static void an_empty_object_and_nulls_leave_the_defaults(void **state)
{
	(void)state;
	struct config config = loaded_text("{}");
	assert_int_equal(config.limits.lease_seconds, 300);
	config_release(&config);

	config = loaded_text("{'json_db_dir':null,'limits':{'lease_seconds':null},'archive_skip':null}");
	assert_path(config.json_db_dir, "home/.config/image-label-server/json_data");
	assert_int_equal(config.limits.lease_seconds, 300);
	assert_int_equal(config.archive_skip.count, 1);
	config_release(&config);
}

/* --- the file --- */

static void the_file_of_the_older_system_is_read(void **state)
{
	(void)state;
	struct config config = loaded_text("{\n    'json_db_dir': '/path/to/json_datasets',\n"
					   "    'sqlite_db_dir': '/path/to/sqlite_dbs',\n"
					   "    'json_user_dir': '/path/to/json_users'\n}\n");

	assert_string_equal(config.json_db_dir, "/path/to/json_datasets");
	assert_string_equal(config.sqlite_db_dir, "/path/to/sqlite_dbs");
	assert_string_equal(config.json_user_dir, "/path/to/json_users");
	assert_string_equal(config.image_store.dir, "/path/to/images"); /* beside the databases */
	assert_path(config.path, "config.json");
	config_release(&config);
}

static void every_key_is_read(void **state)
{
	(void)state;
	struct config config = loaded_text(
		"{'default_dataset':'cats','image_roots':['/a','/b/'],'archive_skip':[],'log_level':'debug',"
		"'dataset_store':{'type':'mongodb','uri':'mongodb://u:p@h','database':'d'},"
		"'image_store':{'type':'fs','dir':'/i','endpoint':'http://h:7480/','region':'r',"
		"'bucket':'b','public_url':'https://cdn/x/'},"
		"'listen':{'http_port':0,'https_port':65535,'address':'[::]','base_path':'/a/b-c/','trusted_proxy':['10.0.0.0/8','unix:/run/a-b/c.sock'],'server_name':'*.example.org',"
		"'proxy_ca':'/ca','proxy_user_header':'X-User','proxy_users':'/u.json','proxy_sign_out':'https://a/out?rd=/x',"
		"'certificate':'/c','certificate_key':'/k'},"
		"'limits':{'json_bytes':1024,'lease_seconds':1,'file_bytes':2,'image_pixels':11,'files_per_request':3,"
		"'dataset_bytes':4,'archive_bytes':5,'archive_entries':6,'archive_entry_bytes':7,"
		"'upload_expires_seconds':8,'human_requests_per_second':9,'open_datasets':10,'slow_seconds':12,"
		"'slow_bytes_per_second':13}}");

	assert_string_equal(config.default_dataset, "cats");
	assert_int_equal(config.image_roots.count, 2);
	assert_string_equal(config.image_roots.item[0], "/a");
	assert_string_equal(config.image_roots.item[1], "/b");
	assert_int_equal(config.archive_skip.count, 0);
	assert_string_equal(config.log_level, "debug");
	assert_string_equal(config.dataset_store.type, "mongodb");
	assert_string_equal(config.dataset_store.uri, "mongodb://u:p@h");
	assert_string_equal(config.dataset_store.database, "d");
	assert_string_equal(config.image_store.dir, "/i");
	assert_string_equal(config.image_store.endpoint, "http://h:7480");
	assert_string_equal(config.image_store.region, "r");
	assert_string_equal(config.image_store.bucket, "b");
	assert_string_equal(config.image_store.public_url, "https://cdn/x");
	assert_int_equal(config.listen.http_port, 0);
	assert_int_equal(config.listen.https_port, 65535);
	assert_int_equal(config.listen.address.count, 1);
	assert_string_equal(config.listen.address.item[0], "[::]");
	assert_string_equal(config.listen.base_path, "/a/b-c");
	assert_int_equal(config.listen.trusted_proxy.count, 2);
	assert_string_equal(config.listen.proxy_ca, "/ca");
	assert_string_equal(config.listen.proxy_user_header, "X-User");
	assert_string_equal(config.listen.proxy_users, "/u.json");
	assert_string_equal(config.listen.proxy_sign_out, "https://a/out?rd=/x");
	assert_string_equal(config.listen.server_name, "*.example.org");
	assert_string_equal(config.listen.certificate, "/c");
	assert_string_equal(config.listen.certificate_key, "/k");
	const int64_t limits[] = { config.limits.lease_seconds,	      config.limits.file_bytes,
				   config.limits.files_per_request,   config.limits.dataset_bytes,
				   config.limits.archive_bytes,	      config.limits.archive_entries,
				   config.limits.archive_entry_bytes, config.limits.upload_expires_seconds,
				   config.limits.human_requests_per_second, config.limits.open_datasets,
				   config.limits.image_pixels,	      config.limits.slow_seconds,
				   config.limits.slow_bytes_per_second };
	for (int i = 0; i < 13; i++)
		assert_int_equal(limits[i], i + 1);
	assert_int_equal(config.limits.json_bytes, 1024);
	config_release(&config);
}

static void paths_are_relative_to_the_file_and_home(void **state)
{
	(void)state;
	mkdir(temp("etc"), 0700);
	config_text("etc/c.json", "{'json_db_dir':'seeds/','sqlite_db_dir':'../dbs',"
				  "'json_user_dir':'~/users','image_roots':['photos','~']}");
	struct config config = loaded("etc/c.json");

	assert_path(config.path, "etc/c.json");
	assert_path(config.json_db_dir, "etc/seeds");
	assert_path(config.sqlite_db_dir, "etc/../dbs");
	assert_path(config.json_user_dir, "home/users");
	assert_path(config.image_roots.item[0], "etc/photos");
	assert_string_equal(config.image_roots.item[1], home);
	assert_path(config.image_store.dir, "etc/../images");
	config_release(&config);
}

static void without_a_home_only_what_lies_there_is_missed(void **state)
{
	(void)state;
	set_env("HOME", "");
	/* The user database still knows one; a configuration that names no home folder needs none. */
	struct config config = loaded_text("{'json_db_dir':'/a','sqlite_db_dir':'/b','json_user_dir':'/c'}");
	assert_string_equal(config.json_db_dir, "/a");
	config_release(&config);
}

/* --- which file --- */

static void make_candidates(void)
{
	mkdir(temp("home/.config"), 0700);
	mkdir(temp("home/.config/image-label-server"), 0700);
	config_text("home/.config/image-label-server/config.json", "{'default_dataset':'home'}");
	config_text("config.json", "{'default_dataset':'here'}");
	config_text("variable.json", "{'default_dataset':'variable'}");
	config_text("option.json", "{'default_dataset':'option'}");
}

static void assert_loads(const char *path, const char *default_dataset, const char *file)
{
	struct config config = loaded(path);

	assert_string_equal(config.default_dataset, default_dataset);
	assert_path(config.path, file);
	config_release(&config);
}

static void the_nearest_file_wins(void **state)
{
	(void)state;
	char variable[PATH_MAX];

	make_candidates();
	snprintf(variable, sizeof(variable), "%s", temp("variable.json"));
	set_env("IMAGE_LABEL_CONFIG", variable);
	assert_loads("option.json", "option", "option.json");
	assert_loads(NULL, "variable", "variable.json");
	set_env("IMAGE_LABEL_CONFIG", "");
	assert_loads(NULL, "here", "config.json");
	assert_int_equal(unlink("config.json"), 0);
	assert_loads(NULL, "home", "home/.config/image-label-server/config.json");
}

static void a_file_that_was_named_must_be_there(void **state)
{
	(void)state;
	char expected[PATH_MAX + 100];

	make_candidates();
	snprintf(expected, sizeof(expected), "%s can't be opened: No such file or directory",
		 temp("nope.json"));
	assert_fails("nope.json", expected);
	assert_fails("/no/such/folder/c.json",
		     "/no/such/folder/c.json can't be opened: No such file or directory");
	set_env("IMAGE_LABEL_CONFIG", "nope.json");
	assert_fails(NULL, expected);
}

static void a_file_that_cannot_be_read_is_not_passed_over(void **state)
{
	(void)state;
	char expected[PATH_MAX + 100];

	mkdir(temp("config.json"), 0700);
	snprintf(expected, sizeof(expected), "%s is not a regular file", temp("config.json"));
	assert_fails(NULL, expected);
}

/* --- what is refused --- */

static void an_unknown_key_is_refused_with_the_nearest_known_one(void **state)
{
	(void)state;
	assert_refused("{\n'limits':{\n'json_byte':5}}",
		       ": line 3: unknown key \"limits.json_byte\"; did you mean \"limits.json_bytes\"?");
	assert_line_refused("{'json_dir':'/a'}", "unknown key \"json_dir\"; did you mean \"json_db_dir\"?");
	assert_line_refused("{'limit':{}}", "unknown key \"limit\"; did you mean \"limits\"?");
	assert_line_refused("{'image_store':{'buckets':'b'}}",
		       "unknown key \"image_store.buckets\"; did you mean \"image_store.bucket\"?");
	assert_line_refused("{'lease_seconds':5}",
		       "unknown key \"lease_seconds\"; did you mean \"limits.lease_seconds\"?");
	assert_line_refused("{'limits.lease_seconds':5}",
		       "unknown key \"limits.lease_seconds\"; write {\"limits\": {\"lease_seconds\": …}}");
	assert_line_refused("{'dataset_store':{'zzzzzzzzz':1}}",
		       "unknown key \"dataset_store.zzzzzzzzz\"; known here: type, uri, database");
	assert_line_refused("{'limits':{'limits':{}}}",
		       "unknown key \"limits.limits\"; known here: json_bytes, lease_seconds, file_bytes, "
		       "image_pixels, files_per_request, dataset_bytes, archive_bytes, archive_entries, "
		       "archive_entry_bytes, upload_expires_seconds, thumbs_bytes, slow_seconds, slow_bytes_per_second, "
		       "human_requests_per_second, "
		       "open_datasets, log_bytes, disk_free_bytes");
}

static void a_value_out_of_bounds_is_refused_with_them(void **state)
{
	(void)state;
	static const char json_bytes[] = "\"limits.json_bytes\" must be an integer from 1024 to 1048576";
	static const char *const wrong[] = {
		"1023", "1048577", "-1", "2000.5", "1e6", "'2000'", "true", "[]", "[2000]", "{}",
		"9999999999999999999999",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[100];
		snprintf(text, sizeof(text), "{'limits':{'json_bytes':%s}}", wrong[i]);
		assert_line_refused(text, json_bytes);
	}
	assert_line_refused("{'listen':{'http_port':65536}}",
		       "\"listen.http_port\" must be an integer from 0 to 65535");
}

static void a_value_of_another_kind_is_refused(void **state)
{
	(void)state;
	assert_line_refused("[]", "the configuration must be an object: {…}");
	assert_line_refused("'x'", "the configuration must be an object: {…}");
	assert_line_refused("3", "the configuration must be an object: {…}");
	assert_line_refused("{'limits':3}", "\"limits\" must be an object: {…}");
	assert_line_refused("{'limits':null}", "\"limits\" must be an object: {…}");
	assert_line_refused("{'limits':[]}", "\"limits\" must be an object: {…}");
	assert_line_refused("{'json_db_dir':3}", "\"json_db_dir\" must be a path");
	assert_line_refused("{'json_db_dir':''}", "\"json_db_dir\" must be a path");
	assert_line_refused("{'json_db_dir':{}}", "\"json_db_dir\" must be a path");
	assert_line_refused("{'json_db_dir':['/a']}", "\"json_db_dir\" must be a path");
	assert_line_refused("{'json_db_dir':'a\\nb'}", "\"json_db_dir\" holds a control character");
	assert_line_refused("{'image_roots':'/a'}", "\"image_roots\" must be a list of paths");
	assert_line_refused("{'image_roots':[['/a']]}", "\"image_roots\" must be a list of paths");
	assert_line_refused("{'image_roots':['/a',null]}", "\"image_roots\" must be a list of paths");
	assert_line_refused("{'image_roots':['']}", "\"image_roots\" must be a list of paths");
	assert_line_refused("{'image_roots':[{}]}", "\"image_roots\" must be a list of paths");
	assert_line_refused("{'log_level':'loud'}",
		       "\"log_level\" must be \"error\", \"warn\", \"info\" or \"debug\"");
	assert_line_refused("{'dataset_store':{'type':'mysql'}}",
		       "\"dataset_store.type\" must be \"sqlite\" or \"mongodb\"");
	assert_line_refused("{'dataset_store':{'uri':'http://u:secret@h'}}",
		       "\"dataset_store.uri\" must be a connection string (mongodb:// or mongodb+srv://)");
	assert_line_refused("{'dataset_store':{'database':'a234567890123456789012345678901234567890"
			    "123456789012345678901234'}}",
			    "\"dataset_store.database\" must be a database's name (1 to 63 bytes, no space, "
			    "none of /\\.\"$*<>:|?)");
	assert_line_refused("{'dataset_store':{'database':'a.b'}}",
		       "\"dataset_store.database\" must be a database's name (1 to 63 bytes, no space, "
		       "none of /\\.\"$*<>:|?)");
	assert_line_refused("{'image_store':{'endpoint':'h:7480'}}",
		       "\"image_store.endpoint\" must be a URL (http:// or https://)");
	assert_line_refused("{'image_store':{'endpoint':'http://u:p@h'}}",
		       "\"image_store.endpoint\" must be a URL (http:// or https://)");
	assert_line_refused("{'image_store':{'bucket':'a/b'}}",
		       "\"image_store.bucket\" must be a bucket's name (letters, digits, . _ -)");
	static const char *const paths[] = {"label", "/a//b", "/a/../b", "/..", "/a/.", "/a b", "/a?b", "//", "/\\n"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "{'listen':{'base_path':'%s'}}", paths[i]);
		assert_line_refused(text, "\"listen.base_path\" must be a path such as \"/label\", of letters, digits and ._~-");
	}
	static const char *const networks[] = {"10.0.0.0/33", "::/129", "unix:", "unix:/", "unix:/a b", "unix:/a;b", "unix:x", "10.0.0.0/", "localhost", "10.0.0.0/x", "1.2.3.4;"};
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "{'listen':{'trusted_proxy':'%s'}}", networks[i]);
		assert_line_refused(text, "\"listen.trusted_proxy\" must be an address, a network (192.0.2.0/24) or a socket (unix:/path), or a list of them");
	}
	assert_line_refused("{'listen':{'proxy_user_header':'A_B'}}",
		       "\"listen.proxy_user_header\" must be a header's name, of letters, digits and -");
	assert_line_refused("{'listen':{'proxy_sign_out':'//evil'}}",
		       "\"listen.proxy_sign_out\" must be a URL, or a path such as \"/oauth2/sign_out\"");
	assert_line_refused("{'listen':{'address':['a;b']}}",
		       "\"listen.address\" must be a host name or address, or a list of them");
	assert_line_refused("{'listen':{'server_name':'a;b'}}",
		       "\"listen.server_name\" must be a host name or address");
	assert_line_refused("{'default_dataset':'a/b'}",
		       "\"default_dataset\": the dataset's name holds a '/'");
}

static void a_broken_file_is_told_with_its_line(void **state)
{
	(void)state;
	assert_refused("", " is empty");
	assert_refused("{\n'json_db_dir': '/a',\n}", " is not JSON: line 3, column 1: "
						       "a key must be a string in double quotes");
	assert_refused("{'log_level':'info',\n'log_level':'info'}",
		       ": line 2, column 1: the key \"log_level\" is given twice");
}

static void secrets_do_not_belong_into_the_file(void **state)
{
	(void)state;
	assert_line_refused("{'image_store':{'secret_key':'x'}}",
		       "\"image_store.secret_key\" can only be set in the environment: "
		       "AWS_SECRET_ACCESS_KEY");
	assert_line_refused("{'image_store':{'access_key':'x'}}",
		       "\"image_store.access_key\" can only be set in the environment: AWS_ACCESS_KEY_ID");
}

static void a_list_has_a_bounded_number_of_entries(void **state)
{
	(void)state;
	struct buf text;

	buf_init(&text, 10000);
	buf_str(&text, "{'image_roots':['/r'");
	for (int i = 1; i < CONFIG_LIST_MAX; i++)
		buf_str(&text, ",'/r'");
	size_t full = text.len;
	buf_str(&text, "]}");
	struct config config = loaded_text(buf_text(&text));
	assert_int_equal(config.image_roots.count, CONFIG_LIST_MAX);
	config_release(&config);
	text.len = full;
	buf_str(&text, ",'/r']}");
	assert_line_refused(buf_text(&text), "\"image_roots\" has more than 64 entries");
	buf_release(&text);
}

static void what_goes_together_must_be_there_together(void **state)
{
	(void)state;
	assert_refused("{'dataset_store':{'type':'mongodb'}}",
		       ": \"dataset_store.uri\" (or MONGODB_CONN_STRING) is missing: "
		       "the datasets are to be kept in MongoDB");
	assert_refused("{'dataset_store':{'type':'mongodb','uri':'mongodb://h'}}",
		       ": \"dataset_store.database\" (or DATABASE_NAME) is missing: "
		       "the datasets are to be kept in MongoDB");
	assert_refused("{'image_store':{'type':'s3'}}",
		       ": \"image_store.bucket\" (or AWS_BUCKET_NAME) is missing: "
		       "the images are to be kept in S3");
	assert_refused("{'listen':{'certificate':'/c'}}",
		       ": \"listen.certificate_key\" is missing: \"listen.certificate\" is given");
	assert_refused("{'listen':{'certificate_key':'/k'}}",
		       ": \"listen.certificate\" is missing: \"listen.certificate_key\" is given");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(without_any_file_the_defaults_hold),
		CONFIG_TEST(an_empty_object_and_nulls_leave_the_defaults),
		CONFIG_TEST(the_file_of_the_older_system_is_read),
		CONFIG_TEST(every_key_is_read),
		CONFIG_TEST(paths_are_relative_to_the_file_and_home),
		CONFIG_TEST(without_a_home_only_what_lies_there_is_missed),
		CONFIG_TEST(the_nearest_file_wins),
		CONFIG_TEST(a_file_that_was_named_must_be_there),
		CONFIG_TEST(a_file_that_cannot_be_read_is_not_passed_over),
		CONFIG_TEST(an_unknown_key_is_refused_with_the_nearest_known_one),
		CONFIG_TEST(a_value_out_of_bounds_is_refused_with_them),
		CONFIG_TEST(a_value_of_another_kind_is_refused),
		CONFIG_TEST(a_broken_file_is_told_with_its_line),
		CONFIG_TEST(secrets_do_not_belong_into_the_file),
		CONFIG_TEST(a_list_has_a_bounded_number_of_entries),
		CONFIG_TEST(what_goes_together_must_be_there_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
