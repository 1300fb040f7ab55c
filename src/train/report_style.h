// The style sheet of the report.
#ifndef VC_TRAIN_REPORT_STYLE_H
#define VC_TRAIN_REPORT_STYLE_H

extern const char report_style[];

#endif
