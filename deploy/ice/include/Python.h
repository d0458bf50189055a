// Stands before Python's own header while zeroc-ice 3.6.5 is compiled, and gives back what Python 3.11 took away.
#pragma once
#include_next <Python.h>

#if defined(__cplusplus) && PY_VERSION_HEX >= 0x030B0000
#include <frameobject.h>

// IcePy asks `PyThreadState_GET()->frame` for the name of the running function; that member is hidden now.
// The interpreter keeps the frame for as long as it runs, so that ours may be given back at once.
class BiomeroRunningFrame
{
public:
    BiomeroRunningFrame() : frame(PyThreadState_GetFrame(PyThreadState_Get())) {}
    ~BiomeroRunningFrame() { Py_XDECREF(reinterpret_cast<PyObject*>(frame)); }
    BiomeroRunningFrame(const BiomeroRunningFrame&) = delete;
    BiomeroRunningFrame& operator=(const BiomeroRunningFrame&) = delete;
    BiomeroRunningFrame* operator->() { return this; }

    PyFrameObject* frame;
};

#undef PyThreadState_GET
#define PyThreadState_GET() BiomeroRunningFrame()
#endif
