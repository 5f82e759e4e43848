/* Which names mark litter among people's own images and labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/litter.h"

static void what_systems_make_is_litter(void **state)
{
	static const char *const folders[] = {"@eaDir", "@EADIR", "#recycle", "$RECYCLE.BIN", "$Recycle.Bin", "__MACOSX", "@Recycle",
	                                      "System Volume Information", "lost+found", "LOST.DIR", "@__thumb", "RECYCLER"};
	static const char *const files[] = {"Thumbs.db", "thumbs.DB", "desktop.ini", "Icon\r", "1.jpg@SynoEAStream",
	                                    "a@b.jpg@SynoResource"};

	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_true(litter_is(folders[i], strlen(folders[i]), true));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_true(litter_is(files[i], strlen(files[i]), false));
}

static void what_people_name_is_theirs(void **state)
{
	static const char *const names[] = {"", "a", "oak", "@home", "#1", "eaDir", "recycle", "thumbs", "MACOSX", "@", "1.jpg@2x",
	                                    "@eaDir2", "Thumbs.dbx"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_false(litter_is(names[i], strlen(names[i]), true));
		assert_false(litter_is(names[i], strlen(names[i]), false));
	}
	assert_false(litter_is("@eaDir", 6, false)); /* a file */
	assert_false(litter_is("Thumbs.db", 9, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_systems_make_is_litter),
		cmocka_unit_test(what_people_name_is_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
