/* A management library of GPUs that are not there: figures come from the file $NVML_STUB,
   "name value" per line, read anew at each call. Signatures as in NVIDIA's nvml.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, NOT_SUPPORTED = 3, NOT_LOADED = 9 };

static int find(const char *name, char *value, size_t size) {
    char line[256], format[64];
    FILE *file = fopen(getenv("NVML_STUB") ? getenv("NVML_STUB") : "", "r");
    int found = 0;
    snprintf(format, sizeof format, "%s ", name);
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, format, strlen(format))) {
            line[strcspn(line, "\n")] = 0;
            snprintf(value, size, "%s", line + strlen(format));
            found = 1;
        }
    if (file) fclose(file);
    return found;
}

static int number(const char *name, long long *value) {
    char text[256];
    if (!find(name, text, sizeof text)) return NOT_SUPPORTED;
    *value = atoll(text);
    return OK;
}

static int text(const char *name, char *value, unsigned size) {
    return find(name, value, size) ? OK : NOT_SUPPORTED;
}

static int unsigned_of(const char *name, unsigned *value) {
    long long found;
    int code = number(name, &found);
    if (code == OK) *value = (unsigned)found;
    return code;
}

static int long_of(const char *name, unsigned long long *value) {
    return number(name, (long long *)value);
}

int nvmlInitWithFlags(unsigned flags) {
    long long seconds = 0;
    (void)flags;
    if (number("hang", &seconds) == OK) sleep((unsigned)seconds);
    return number("count", &seconds) == OK ? OK : NOT_LOADED;
}
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { return code == NOT_LOADED ? "Driver Not Loaded" : "Not Supported"; }
int nvmlSystemGetDriverVersion(char *value, unsigned size) { return text("driver", value, size); }
int nvmlSystemGetCudaDriverVersion_v2(int *value) { return unsigned_of("cuda", (unsigned *)value); }
int nvmlDeviceGetCount_v2(unsigned *count) { return unsigned_of("count", count); }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    *handle = (void *)(size_t)(index + 1);
    return OK;
}
int nvmlDeviceGetUUID(void *handle, char *value, unsigned size) {
    snprintf(value, size, "GPU-%08zx-0000", (size_t)handle - 1);
    return OK;
}
int nvmlDeviceGetName(void *handle, char *value, unsigned size) { (void)handle; return text("name", value, size); }
int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    (void)handle;
    *major = 8;
    *minor = 0;
    return OK;
}
struct memory { unsigned long long total, free, used; };
int nvmlDeviceGetMemoryInfo(void *handle, struct memory *memory) {
    (void)handle;
    memory->total = 40960ULL << 20;
    return long_of("used", &memory->used);
}
struct utilisation { unsigned gpu, memory; };
int nvmlDeviceGetUtilizationRates(void *handle, struct utilisation *rates) {
    (void)handle;
    rates->memory = 0;
    return unsigned_of("utilisation", &rates->gpu);
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned *value) { (void)handle; return unsigned_of("milliwatts", value); }
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *value) {
    (void)handle;
    return long_of("millijoules", value);
}
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *value) {
    (void)handle;
    (void)sensor;
    return unsigned_of("celsius", value);
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *value) {
    (void)handle;
    return long_of("reasons", value);
}
int nvmlDeviceGetTotalEccErrors(void *handle, int kind, int counter, unsigned long long *value) {
    (void)handle;
    (void)kind;
    (void)counter;
    return long_of("uncorrected", value);
}
