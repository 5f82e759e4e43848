/* Reading multipart/form-data as a stream: each case comes in pieces of many sizes, and reads the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "intake/multipart.h"
#include "intake/filename.h"

#define FORM "multipart/form-data; boundary="

struct feed {
	const char *bytes;
	size_t len, at, piece;
};

static ssize_t give(void *data, void *bytes, size_t len, struct err *err)
{
	(void)err;
	struct feed *feed = data;
	size_t n = feed->len - feed->at;
	n = n < feed->piece ? n : feed->piece;
	n = n < len ? n : len;
	memcpy(bytes, feed->bytes + feed->at, n);
	feed->at += n;
	return (ssize_t)n;
}

/* Reads the whole body and writes down "name|filename|type|body;" a part, then "end" or "error: text". */
static void read_all(const char *type, const char *body, size_t len, size_t piece, size_t read_size,
                     struct buf *out)
{
	struct feed feed = {body, len, 0, piece};
	struct multipart *multipart = NULL;
	const struct multipart_part *part;
	struct err err = {0};
	int result = multipart_open(&multipart, type, give, &feed, &err);
	while (result == 0 && (result = multipart_next(multipart, &part, &err)) == 0 && part != NULL) {
		const char *filename = part->filename != NULL ? part->filename : "(none)";
		buf_printf(out, "%s|%s|%s|", part->name, filename, part->type);
		char bytes[4096];
		size_t got;
		while ((result = multipart_read(multipart, bytes, read_size, &got, &err)) == 0 && got > 0)
			buf_add(out, bytes, got);
		buf_char(out, ';');
	}
	if (result == 0)
		buf_str(out, "end");
	else
		buf_printf(out, "error %d: %s", (int)err.code, err.text);
	if (result != 0 && multipart != NULL) {
		assert_true(multipart_next(multipart, &part, &err)); /* it stays broken */
		assert_null(part);
	}
	multipart_free(multipart);
}

static void check_sized(const char *type, const char *body, size_t len, const char *expected)
{
	static const size_t sizes[] = {1, 2, 3, 7, 50, 100000};
	for (size_t i = 0; i < 6; i++) {
		for (size_t j = 0; j < 6; j += 2) {
			struct buf out;
			buf_init(&out, 1 << 20);
			read_all(type, body, len, sizes[i], sizes[j] < 4096 ? sizes[j] : 4096, &out);
			if (strstr(expected, "error") != NULL)
				assert_non_null(strstr(buf_text(&out), expected));
			else
				assert_string_equal(buf_text(&out), expected);
			buf_release(&out);
		}
	}
}

static void check(const char *body, const char *expected)
{
	check_sized(FORM "XX", body, strlen(body), expected);
}

#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"
#define HEAD(disposition) "--XX\r\nContent-Disposition: form-data; " disposition "\r\n\r\n"

static void parts_are_read_in_order(void **state)
{
	(void)state;
	check("--XX\r\n" FIELD("label") "\r\ncat\r\n"
	      "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n"
	      "Content-Type: image/jpeg\r\n\r\n"
	      "\xff\xd8 bytes\r\n\r\n--X\r\n-XX\r\n"
	      "--XX--\r\n",
	      "label|(none)||cat;file|a.jpg|image/jpeg|\xff\xd8 bytes\r\n\r\n--X\r\n-XX;end");
}

static void empty_parts_and_bodies_without_parts_are_fine(void **state)
{
	(void)state;
	check(HEAD("name=a") "\r\n--XX--", "a|(none)||;end");
	check(HEAD("name=\"\"") "\r\n--XX--", "|(none)||;end");
	check("--XX--\r\n", "end");
}

static void preamble_epilogue_and_padding_are_ignored(void **state)
{
	(void)state;
	check("This is --XX\r\nprose.\r\n--XX \t \r\n" FIELD("a") "\r\nb\r\n--XX--\r\n--XX\r\nmore",
	      "a|(none)||b;end");
}

static void names_are_quoted_escaped_or_bare(void **state)
{
	(void)state;
	check("--XX\r\ncontent-disposition:FORM-DATA ;NAME = a;filename=b.png;\r\n\r\nx\r\n--XX--",
	      "a|b.png||x;end");
	check(HEAD("name=\"a;b\"; filename=\"say \\\"hi\\\\.png\"") "x\r\n--XX--",
	      "a;b|say \"hi\\.png||x;end");
	check(HEAD("name=a; filename=\"C:\\pictures\\cat.jpg\"") "x\r\n--XX--",
	      "a|C:\\pictures\\cat.jpg||x;end");
	check(HEAD("name=\"\xc3\xbc\"; filename=\"\xfc.png\"") "x\r\n--XX--", "\xc3\xbc|\xc3\xbc.png||x;end");
	check(HEAD("name=a; filename=\"\"") "x\r\n--XX--", "a|||x;end");
}

static void extended_file_names_win(void **state)
{
	(void)state;
	check(HEAD("name=a; filename*=UTF-8''na%C3%AFve%20%22x%22.png; filename=plain.png") "x\r\n--XX--",
	      "a|na\xc3\xafve \"x\".png||x;end");
	check(HEAD("name=a; filename*=iso-8859-1'en'%A3.png") "x\r\n--XX--", "a|\xc2\xa3.png||x;end");
	check(HEAD("name=a; filename*=UTF-8''%ff") "x\r\n--XX--", "error 1: a part's filename* is neither");
	check(HEAD("name=a; filename*=UTF-8''a%00b") "x\r\n--XX--",
	      "error 1: a part's filename* has a broken escape");
	check(HEAD("name=a; filename*=UTF-8''a%4") "x\r\n--XX--",
	      "error 1: a part's filename* has a broken escape");
	check(HEAD("name=a; filename*=plain") "x\r\n--XX--", "error 1: a part's filename* lacks");
}

static void a_body_that_breaks_off_is_an_error(void **state)
{
	(void)state;
	const char *whole = "--XX\r\n" FIELD("a") "\r\nbody\r\n--XX--";
	for (size_t len = 0; len < strlen(whole); len++)
		check_sized(FORM "XX", whole, len, "error 1: the multipart body ends without");
	check(whole, "a|(none)||body;end");
}

static void malformed_parts_are_errors(void **state)
{
	(void)state;
	check("--XX\r\n\r\nx\r\n--XX--", "error 1: a part has no Content-Disposition");
	check("--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--",
	      "error 1: a part has no Content-Disposition");
	check(HEAD("filename=a") "x\r\n--XX--", "error 1: a part's Content-Disposition has no name");
	check("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--XX--",
	      "error 1: a part's Content-Disposition is not");
	check(HEAD("name=\"a") "x\r\n--XX--", "error 1: a part's Content-Disposition is malformed");
	check(HEAD("name") "x\r\n--XX--", "error 1: a part's Content-Disposition is malformed");
	check(HEAD("name=a; name=b") "x\r\n--XX--", "error 1: a part has two parameters 'name'");
	check("--XX\r\n" FIELD("a") FIELD("a") "\r\nx\r\n--XX--",
	      "error 1: a part has two headers Content-Disposition");
	check("--XX\r\n" FIELD("a") "--XX--", "error 1: ");
	check("--XX\r\n" FIELD("a") " folded: x\r\n\r\nx\r\n--XX--",
	      "error 1: a part has a header line that is no");
	check("--XX\r\n" FIELD("a") "no colon\r\n\r\nx\r\n--XX--",
	      "error 1: a part has a header line that is no");
	check("--XX\r\n" FIELD("a") "X: a\rb\r\n\r\nx\r\n--XX--",
	      "error 1: a part's header has a control character");
	check("--XX\nContent-Disposition: form-data; name=a\n\nx\n--XX--\n",
	      "error 1: the multipart body has a header line");
	check("--XXY\r\n" FIELD("a") "\r\nx\r\n--XXY--",
	      "error 1: the multipart body has a line that begins like");
	check("--XX\r\n" FIELD("a") "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--XX--",
	      "error 1: a part's Content-Transfer");
	static const char nul[] = HEAD("name=a; filename=\"a\0.png\"") "x\r\n--XX--";
	check_sized(FORM "XX", nul, sizeof(nul) - 1, "error 1: a part's header has a control");
}

static void headers_are_bounded(void **state)
{
	(void)state;
	struct buf body;
	buf_init(&body, 1 << 20);
	buf_str(&body, "--XX\r\n" FIELD("a"));
	for (int i = 0; i < 31; i++)
		buf_printf(&body, "X-%d: y\r\n", i);
	size_t len = body.len;
	buf_str(&body, "\r\nx\r\n--XX--");
	check(buf_text(&body), "a|(none)||x;end");
	body.len = len;
	buf_str(&body, "X: y\r\n\r\nx\r\n--XX--");
	check(buf_text(&body), "error 1: the multipart body has too many header lines");
	buf_clear(&body);
	buf_str(&body, "--XX\r\nX: ");
	for (int i = 0; i < MULTIPART_HEADERS_MAX; i++)
		buf_char(&body, 'y');
	buf_str(&body, "\r\n" FIELD("a") "\r\nx\r\n--XX--");
	check(buf_text(&body), "error 1: the multipart body has headers of more than 16 KiB");
	buf_clear(&body);
	buf_str(&body, "--XX\r\n" FIELD("a")); /* many lines come to more than one may have */
	for (int i = 0; i < 20; i++)
		buf_printf(&body, "X: %01000d\r\n", i);
	buf_str(&body, "\r\nx\r\n--XX--");
	check(buf_text(&body), "error 1: the multipart body has headers of more than 16 KiB");
	buf_release(&body);
}

static void the_boundary_comes_from_the_content_type(void **state)
{
	(void)state;
	static const struct {
		const char *type, *body, *expected;
	} cases[] = {
		{FORM "\"a b'()+_,-./:=?\"", "--a b'()+_,-./:=?--", "end"},
		{"Multipart/Form-Data ; charset=\"x;boundary=no\"; BOUNDARY=----=_Part_0_1.2",
		 "------=_Part_0_1.2--", "end"},
		{FORM "1234567890123456789012345678901234567890123456789012345678901234567890",
		 "--1234567890123456789012345678901234567890123456789012345678901234567890--", "end"},
		{FORM "12345678901234567890123456789012345678901234567890123456789012345678901", "",
		 "error 1: the multipart boundary must have 1 to 70 characters"},
		{FORM, "", "error 1: the multipart boundary must have"},
		{FORM "\"\"", "", "error 1: the multipart boundary must have"},
		{FORM "\"a \"", "", "error 1: the multipart boundary ends in a space"},
		{FORM "a\xfc", "", "error 1: the multipart boundary has a character"},
		{FORM "a; boundary=b", "", "error 1: the Content-Type has two boundaries"},
		{FORM "\"a", "", "error 1: the Content-Type's parameters are malformed"},
		{"multipart/form-data; =a", "", "error 1: the Content-Type's parameters are malformed"},
		{"multipart/form-data", "", "error 1: the Content-Type has no boundary"},
		{"multipart/form-database; boundary=a", "", "error 8: the body must be multipart/form-data"},
		{"multipart/mixed; boundary=a", "", "error 8: the body must be multipart/form-data"},
		{"application/json", "", "error 8: the body must be multipart/form-data"},
		{"", "", "error 8: the body must be multipart/form-data"},
	};
	assert_int_equal(ERR_MEDIA_TYPE, 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_sized(cases[i].type, cases[i].body, strlen(cases[i].body), cases[i].expected);
}

/* A body of many parts, made as it is read: 100,000 parts of 3,000 bytes. */
struct endless {
	int part;
	struct buf held;
	size_t at;
};

static ssize_t give_endlessly(void *data, void *bytes, size_t len, struct err *err)
{
	(void)err;
	struct endless *endless = data;
	if (endless->at == endless->held.len) {
		endless->at = 0;
		buf_clear(&endless->held);
		if (endless->part < 100000) {
			buf_printf(&endless->held, "\r\n--XX\r\n" FIELD("f") "\r\n%d", endless->part);
			char *room = buf_reserve(&endless->held, 3000);
			memset(room, '-', 3000);
			endless->held.len += 3000;
		} else if (endless->part == 100000) {
			buf_str(&endless->held, "\r\n--XX--");
		}
		endless->part++;
	}
	size_t n = endless->held.len - endless->at;
	n = n < len ? n : len;
	if (n > 0)
		memcpy(bytes, endless->held.data + endless->at, n);
	endless->at += n;
	return (ssize_t)n;
}

static void any_number_of_parts_is_read_and_what_is_not_read_is_passed_over(void **state)
{
	(void)state;
	struct endless endless = {0};
	buf_init(&endless.held, 1 << 20);
	struct multipart *multipart;
	const struct multipart_part *part;
	struct err err;
	int parts = 0;
	assert_int_equal(multipart_open(&multipart, FORM "XX", give_endlessly, &endless, &err), 0);
	while (multipart_next(multipart, &part, &err) == 0 && part != NULL) {
		char digits[8] = "";
		size_t got;
		if (parts % 2 == 0) {
			assert_int_equal(multipart_read(multipart, digits, 6, &got, &err), 0);
			assert_int_equal(strtol(digits, NULL, 10), parts);
		}
		parts++;
	}
	assert_int_equal(parts, 100000);
	multipart_free(multipart);
	buf_release(&endless.held);
}

static ssize_t give_failure(void *data, void *bytes, size_t len, struct err *err)
{
	(void)data, (void)bytes, (void)len;
	return err_set(err, ERR_TOO_LARGE, "the body is too large");
}

static void a_failure_of_the_source_is_passed_on(void **state)
{
	(void)state;
	struct multipart *multipart;
	const struct multipart_part *part;
	struct err err;
	assert_int_equal(multipart_open(&multipart, FORM "XX", give_failure, NULL, &err), 0);
	assert_true(multipart_next(multipart, &part, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	multipart_free(multipart);
}

static void file_names_lose_path_and_control_characters(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"cat.jpg", "cat.jpg"}, {"../../etc/passwd", "passwd"}, {"C:\\pictures\\cat.jpg", "cat.jpg"},
		{"a\r\nSet-Cookie: x", "aSet-Cookie: x"},
		{"a\x7f\xc2\x85\xc3\xbc.png", "a\xc3\xbc.png"}, {"", ""},
		{".", ""}, {"a/..", ""}, {"a/", ""}, {" a b ", "a b"}, {".hidden", ".hidden"}, {"\t", ""},
	};
	char out[FILENAME_CLEAN_MAX], longer[600];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		filename_clean(cases[i][0], out);
		assert_string_equal(out, cases[i][1]);
	}
	longer[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof(longer); i += 2)
		memcpy(longer + i, "\xc3\xbc", 2);
	longer[599] = '\0';
	filename_clean(longer, out);
	assert_int_equal(strlen(out), 255);
	filename_clean(longer + 1, out);
	assert_int_equal(strlen(out), 254);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_read_in_order),
		cmocka_unit_test(empty_parts_and_bodies_without_parts_are_fine),
		cmocka_unit_test(preamble_epilogue_and_padding_are_ignored),
		cmocka_unit_test(names_are_quoted_escaped_or_bare),
		cmocka_unit_test(extended_file_names_win),
		cmocka_unit_test(a_body_that_breaks_off_is_an_error),
		cmocka_unit_test(malformed_parts_are_errors),
		cmocka_unit_test(headers_are_bounded),
		cmocka_unit_test(the_boundary_comes_from_the_content_type),
		cmocka_unit_test(any_number_of_parts_is_read_and_what_is_not_read_is_passed_over),
		cmocka_unit_test(a_failure_of_the_source_is_passed_on),
		cmocka_unit_test(file_names_lose_path_and_control_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
