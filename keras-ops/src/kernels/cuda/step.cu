// One update rule over a variable and its slots, in place. Names in at signs are filled in by rule.
extern "C" __global__ void @name@(unsigned long long count, @pointers@const float *gradient@factors@) {
    unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
        const float g = gradient[i];
@loads@
        @body@
@stores@
    }
}
