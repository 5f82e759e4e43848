/* Reads the XML of S3's answers: short documents of elements with text. */
#ifndef BLOB_S3_XML_H
#define BLOB_S3_XML_H

#include <stddef.h>

#include "base/err.h"

enum { S3_XML_TEXT_MAX = 4096 }; /* bytes of an element's text with its NUL; more is cut */

/* Called at the end of each element with its own text (without surrounding blanks), its name without a prefix, and
 * the name of the element around it ("" at the top). */
typedef void s3_xml_visit(void *data, const char *parent, const char *name, const char *text);

/* ERR_UPSTREAM when the document is not well-formed, too deep, has a document type (no server needs entities), or
 * has another root element than `root`: HTML may be well-formed, too. Blanks before it, which keep a connection
 * alive, are skipped. */
int s3_xml_parse(const char *bytes, size_t len, const char *root, s3_xml_visit *visit, void *data, struct err *err);

#endif
