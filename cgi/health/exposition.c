/* Writes Prometheus's text format. */
#include "exposition.h"

#include <stdarg.h>

static void quote(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_char(out, '\\');
		if (*value == '\n')
			buf_str(out, "\\n");
		else
			buf_char(out, *value);
	}
}

void family_add(struct family *family, const char *suffix, double value, ...)
{
	struct buf *out = &family->samples;
	const char *separator = "{";
	va_list labels;

	buf_printf(out, "%s%s", family->metric->name, suffix);
	va_start(labels, value);
	for (const char *name = va_arg(labels, const char *); name; name = va_arg(labels, const char *)) {
		buf_printf(out, "%s%s=\"", separator, name);
		quote(out, va_arg(labels, const char *));
		buf_char(out, '"');
		separator = ",";
	}
	va_end(labels);
	buf_printf(out, "%s %.15g\n", *separator == ',' ? "}" : "", value);
}

void family_end(struct family *family, struct buf *out)
{
	const struct metric *metric = family->metric;

	if (family->samples.len > 0) {
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, metric->type);
		buf_add(out, family->samples.data, family->samples.len);
	}
	out->overflow = out->overflow || family->samples.overflow;
	buf_release(&family->samples);
}
