/* libsnn: everything at once. */
#ifndef SNN_SNN_H
#define SNN_SNN_H

#include "snn/calibrate.h"
#include "snn/check.h"
#include "snn/chip.h"
#include "snn/classify.h"
#include "snn/context.h"
#include "snn/convert.h"
#include "snn/device.h"
#include "snn/energy.h"
#include "snn/file.h"
#include "snn/graph.h"
#include "snn/net.h"
#include "snn/npy.h"
#include "snn/partial.h"
#include "snn/place.h"
#include "snn/program.h"
#include "snn/recording.h"
#include "snn/run.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "snn/target.h"
#include "snn/version.h"

#endif
