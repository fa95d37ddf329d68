#define NEGATIVE_INFINITY __int_as_float(0xff800000)
#define NOT_A_NUMBER __int_as_float(0x7fffffff)
// The most threads of a block; blocks that reduce have a power of two of them.
#define MOST 256

struct Add {
    template <typename T> __device__ T operator()(T a, T b) const { return a + b; }
};

struct Larger {
    __device__ float operator()(float a, float b) const { return b > a ? b : a; }
};

// Joins one value a thread; every thread gets the result. The order does not depend on timing.
template <typename T, typename Join> __device__ T together(T mine, Join join) {
    __shared__ T parts[MOST];
    parts[threadIdx.x] = mine;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            parts[threadIdx.x] = join(parts[threadIdx.x], parts[threadIdx.x + half]);
        }
        __syncthreads();
    }
    T all = parts[0];
    __syncthreads();
    return all;
}

// A sum in single precision over short runs and in double precision over runs.
struct Sum {
    float part;
    double total;
    unsigned count;
    __device__ Sum() : part(0.f), total(0.), count(0) {}
    __device__ void add(float x) {
        part += x;
        if (++count % 128 == 0) {
            total += part;
            part = 0.f;
        }
    }
    __device__ double value() const { return total + part; }
};
