// panels.h: how pictures that are made of several stand side by side in one PNG: of one size, with white between.
#ifndef VC_TRAIN_PANELS_H
#define VC_TRAIN_PANELS_H

enum { VC_PANEL_GAP = 4 }; // pixels

#endif
