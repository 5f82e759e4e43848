/* The configuration with its environment: what wins over the file, and what may be printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "config_file.h"

/* --- the environment --- */

static void the_collecting_systems_environment_is_enough(void **state)
{
	(void)state;
	set_env("MONGODB_CONN_STRING", "mongodb://u:p@h1,h2/?replicaSet=rs0");
	set_env("DATABASE_NAME", "caltech");
	set_env("AWS_BUCKET_NAME", "pictures");
	set_env("AWS_ACCESS_KEY_ID", "id");
	set_env("AWS_SECRET_ACCESS_KEY", "secret");
	struct config config = loaded(NULL);

	assert_string_equal(config.dataset_store.type, "mongodb");
	assert_string_equal(config.dataset_store.uri, "mongodb://u:p@h1,h2/?replicaSet=rs0");
	assert_string_equal(config.dataset_store.database, "caltech");
	assert_string_equal(config.default_dataset, "caltech");
	assert_string_equal(config.image_store.type, "s3");
	assert_string_equal(config.image_store.bucket, "pictures");
	assert_string_equal(config.image_store.access_key, "id");
	assert_string_equal(config.image_store.secret_key, "secret");
	assert_string_equal(config.image_store.session_token, "");
	assert_string_equal(config.image_store.region, "us-east-1");
	assert_string_equal(config.image_store.endpoint, "");
	config_release(&config);
}

static void the_environment_wins_over_the_file(void **state)
{
	(void)state;
	static const char file[] =
		"{'default_dataset':'cats','dataset_store':{'type':'sqlite','uri':'mongodb://file',"
		"'database':'file'},'image_store':{'type':'fs','endpoint':'http://file','region':'file',"
		"'bucket':'file'}}";
	set_env("MONGODB_CONN_STRING", "mongodb://env");
	set_env("DATABASE_NAME", "env");
	set_env("AWS_BUCKET_NAME", "env");
	set_env("AWS_ACCESS_KEY_ID", "id");
	set_env("AWS_SECRET_ACCESS_KEY", "secret");
	set_env("AWS_SESSION_TOKEN", "token");
	set_env("AWS_ENDPOINT_URL", "http://env:7480/");
	set_env("AWS_REGION", "env");
	set_env("AWS_DEFAULT_REGION", "default");
	struct config config = loaded_text(file);

	assert_string_equal(config.dataset_store.type, "mongodb");
	assert_string_equal(config.dataset_store.uri, "mongodb://env");
	assert_string_equal(config.dataset_store.database, "env");
	assert_string_equal(config.default_dataset, "cats"); /* the file's own choice */
	assert_string_equal(config.image_store.type, "s3");
	assert_string_equal(config.image_store.bucket, "env");
	assert_string_equal(config.image_store.endpoint, "http://env:7480");
	assert_string_equal(config.image_store.region, "env");
	assert_string_equal(config.image_store.session_token, "token");
	config_release(&config);

	set_env("AWS_CA_BUNDLE", "ca.pem"); /* relative to where one is, not to the file */
	char here[PATH_MAX], bundle[PATH_MAX + 8];
	assert_non_null(realpath(".", here));
	snprintf(bundle, sizeof(bundle), "%s/ca.pem", here);
	config = loaded_text(file);
	assert_string_equal(config.image_store.ca_bundle, bundle);
	config_release(&config);

	set_env("AWS_REGION", "");
	config = loaded_text(file);
	assert_string_equal(config.image_store.region, "default");
	config_release(&config);
}

static void a_database_name_alone_chooses_no_store(void **state)
{
	(void)state;
	set_env("DATABASE_NAME", "cats");
	struct config config = loaded(NULL);

	assert_string_equal(config.dataset_store.type, "sqlite");
	assert_string_equal(config.dataset_store.database, "");
	assert_string_equal(config.default_dataset, "cats");
	config_release(&config);
}

static void a_database_name_goes_with_the_files_connection(void **state)
{
	(void)state;
	set_env("DATABASE_NAME", "env");
	struct config config =
		loaded_text("{'dataset_store':{'type':'mongodb','uri':'mongodb://h','database':'file'}}");

	assert_string_equal(config.dataset_store.uri, "mongodb://h");
	assert_string_equal(config.dataset_store.database, "env");
	config_release(&config);
}

static void a_connection_needs_a_database(void **state)
{
	(void)state;
	set_env("MONGODB_CONN_STRING", "mongodb://h");
	assert_fails(NULL, "\"dataset_store.database\" (or DATABASE_NAME) is missing: "
			   "the datasets are to be kept in MongoDB");
	struct config config = loaded_text("{'dataset_store':{'database':'file'}}");
	assert_string_equal(config.dataset_store.type, "mongodb");
	assert_string_equal(config.dataset_store.database, "file");
	config_release(&config);
}

static void keys_set_for_other_programs_choose_no_store(void **state)
{
	(void)state;
	set_env("AWS_ACCESS_KEY_ID", "id");
	set_env("AWS_SECRET_ACCESS_KEY", "secret");
	set_env("AWS_ENDPOINT_URL", "not even a URL");
	struct config config = loaded(NULL);

	assert_string_equal(config.image_store.type, "fs");
	assert_string_equal(config.image_store.secret_key, ""); /* not kept where it is not needed */
	config_release(&config);
}

static void a_bucket_needs_keys(void **state)
{
	(void)state;
	set_env("AWS_BUCKET_NAME", "b");
	assert_fails(NULL, "AWS_ACCESS_KEY_ID in the environment is missing: "
			   "the images are to be kept in S3");
	set_env("AWS_ACCESS_KEY_ID", "id");
	assert_fails(NULL, "AWS_SECRET_ACCESS_KEY in the environment is missing: "
			   "the images are to be kept in S3");
}

static void a_bad_variable_is_named_and_its_value_is_not(void **state)
{
	(void)state;
	set_env("MONGODB_CONN_STRING", "mysql://u:secret@h");
	assert_fails(NULL, "MONGODB_CONN_STRING must be a connection string (mongodb:// or mongodb+srv://)");
	set_env("MONGODB_CONN_STRING", "");
	set_env("DATABASE_NAME", ".hidden");
	assert_fails(NULL, "DATABASE_NAME: the dataset's name starts with '.'");
	set_env("DATABASE_NAME", "");
	set_env("AWS_BUCKET_NAME", "b");
	set_env("AWS_ACCESS_KEY_ID", "id");
	set_env("AWS_SECRET_ACCESS_KEY", "sec\nret");
	assert_fails(NULL, "AWS_SECRET_ACCESS_KEY holds a control character");
}

/* --- printing --- */

static cJSON *printed(const struct config *config)
{
	struct buf out;
	struct err err;

	buf_init(&out, 100 * 1000);
	assert_int_equal(config_print(config, &out), 0);
	cJSON *tree = json_parse_object(buf_text(&out), out.len, &err);
	if (!tree)
		fail_msg("%s", err.text);
	buf_release(&out);
	return tree;
}

static const char *printed_string(const cJSON *tree, const char *group, const char *key)
{
	const cJSON *object = group ? cJSON_GetObjectItem(tree, group) : tree;

	return cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
}

static void the_printed_configuration_can_be_loaded(void **state)
{
	(void)state;
	struct config config = loaded_text("{'image_roots':['/a'],'limits':{'archive_bytes':1099511627776},"
					   "'default_dataset':'caf\u00e9'}");
	cJSON *tree = printed(&config);
	struct buf text;

	assert_string_equal(printed_string(tree, NULL, "path"), config.path);
	assert_string_equal(printed_string(tree, NULL, "json_db_dir"), config.json_db_dir);
	cJSON_DeleteItemFromObject(tree, "path");
	buf_init(&text, 100 * 1000);
	json_print(tree, &text);
	struct config again = loaded_text(buf_text(&text));
	assert_string_equal(again.json_db_dir, config.json_db_dir);
	assert_string_equal(again.image_roots.item[0], "/a");
	assert_int_equal(again.limits.archive_bytes, INT64_C(1) << 40);
	assert_string_equal(again.default_dataset, "caf\u00e9");
	buf_release(&text);
	cJSON_Delete(tree);
	config_release(&config);
	config_release(&again);
}

static void secrets_are_not_printed(void **state)
{
	(void)state;
	static const char *const uris[][2] = {
		{ "mongodb://h", "mongodb://h" },
		{ "mongodb://user@h/db", "mongodb://user@h/db" },
		{ "mongodb://user:SECRET@h1,h2:27017/db?replicaSet=rs0",
		  "mongodb://user:****@h1,h2:27017/db?replicaSet=rs0" },
		{ "mongodb+srv://user:SECRET@h", "mongodb+srv://user:****@h" },
		/* wrongly escaped passwords */
		{ "mongodb://user:SECRET@SECRET@h", "mongodb://user:****@h" },
		{ "mongodb://user:SECRET/SECRET@h/db", "mongodb://user:****@h/db" },
		{ "mongodb://user:SECRET?SECRET@h/?w=1", "mongodb://user:****@h/?w=1" },
		{ "mongodb://user::SECRET@h", "mongodb://user:****@h" },
		/* secrets in options */
		{ "mongodb://h/?tls=true&tlsCertificateKeyFilePassword=SECRET&w=1",
		  "mongodb://h/?tls=true&tlsCertificateKeyFilePassword=****&w=1" },
		{ "mongodb://h/?authmechanismproperties=AWS_SESSION_TOKEN:SECRET",
		  "mongodb://h/?authmechanismproperties=****" },
	};

	set_env("DATABASE_NAME", "d");
	set_env("AWS_BUCKET_NAME", "b");
	set_env("AWS_ACCESS_KEY_ID", "SECRET");
	set_env("AWS_SECRET_ACCESS_KEY", "SECRET");
	set_env("AWS_SESSION_TOKEN", "SECRET");
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		set_env("MONGODB_CONN_STRING", uris[i][0]);
		struct config config = loaded(NULL);
		cJSON *tree = printed(&config);
		char *text = cJSON_Print(tree);

		assert_string_equal(printed_string(tree, "dataset_store", "uri"), uris[i][1]);
		assert_null(strstr(text, "SECRET"));
		free(text);
		cJSON_Delete(tree);
		config_release(&config);
	}
}

static void printing_heeds_the_ceiling(void **state)
{
	(void)state;
	struct config config = loaded(NULL);
	struct buf out;

	buf_init(&out, 100);
	assert_true(config_print(&config, &out));
	assert_true(config_help(&out));
	assert_true(config_table(&out));
	buf_release(&out);
	config_release(&config);
}

static void the_help_has_a_line_for_every_key(void **state)
{
	(void)state;
	struct config config = loaded(NULL);
	cJSON *tree = printed(&config);
	struct buf help;
	const cJSON *item, *inner;

	buf_init(&help, 100 * 1000);
	assert_int_equal(config_help(&help), 0);
	cJSON_DeleteItemFromObject(tree, "path");
	cJSON_ArrayForEach(item, tree) {
		char line[100];
		snprintf(line, sizeof(line), "  %s ", item->string);
		assert_true(cJSON_IsObject(item) || strstr(buf_text(&help), line));
		if (!cJSON_IsObject(item))
			continue;
		cJSON_ArrayForEach(inner, item) {
			snprintf(line, sizeof(line), "  %s.%s ", item->string, inner->string);
			assert_non_null(strstr(buf_text(&help), line));
		}
	}
	assert_non_null(strstr(buf_text(&help), "an integer from 1024 to 1048576; default 1048576"));
	assert_non_null(strstr(buf_text(&help), "`$MONGODB_CONN_STRING` wins"));
	assert_non_null(strstr(buf_text(&help), "only by $AWS_SECRET_ACCESS_KEY"));
	buf_release(&help);
	cJSON_Delete(tree);
	config_release(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(the_collecting_systems_environment_is_enough),
		CONFIG_TEST(the_environment_wins_over_the_file),
		CONFIG_TEST(a_database_name_alone_chooses_no_store),
		CONFIG_TEST(a_database_name_goes_with_the_files_connection),
		CONFIG_TEST(a_connection_needs_a_database),
		CONFIG_TEST(keys_set_for_other_programs_choose_no_store),
		CONFIG_TEST(a_bucket_needs_keys),
		CONFIG_TEST(a_bad_variable_is_named_and_its_value_is_not),
		CONFIG_TEST(the_printed_configuration_can_be_loaded),
		CONFIG_TEST(secrets_are_not_printed),
		CONFIG_TEST(printing_heeds_the_ceiling),
		CONFIG_TEST(the_help_has_a_line_for_every_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
