// Private to the file functions: errors of the operating system in words.
#ifndef VC_BASE_FILE_ERROR_H
#define VC_BASE_FILE_ERROR_H

#include "vulcyte/base.h"

// Fails with "PATH: DOING: STRERROR; HINT" for an errno value: VC_E_INPUT where the path itself is wrong (missing, a
// file for a folder), else VC_E_IO.
vc_status file_fail(const char *path, const char *doing, int error);

#endif
