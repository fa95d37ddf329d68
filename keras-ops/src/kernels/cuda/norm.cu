// Normalisation of rows: a block a row. Kinds: 0 by mean and variance, 1 by mean square, 2 to unit length.

// What a row was shifted and scaled by, `low` being what rounding took from the mean.
struct Moved {
    float mean, low, scale, free;
};

__device__ Moved measure(const float *x, unsigned len, int kind, double epsilon) {
    Moved moved;
    moved.mean = moved.low = 0.f;
    moved.free = 1.f;
    Sum sum;
    for (unsigned i = threadIdx.x; i < len; i += blockDim.x) {
        sum.add(kind == 0 ? x[i] : x[i] * x[i]);
    }
    double total = together(sum.value(), Add());
    if (kind == 0) {
        moved.mean = (float)(total / len);
        Sum plain, squares;
        for (unsigned i = threadIdx.x; i < len; i += blockDim.x) {
            float d = x[i] - moved.mean;
            plain.add(d);
            squares.add(d * d);
        }
        double low = together(plain.value(), Add()) / len;
        double variance = together(squares.value(), Add()) / len - low * low;
        moved.low = (float)low;
        moved.scale = (float)(1. / sqrt((variance < 0. ? 0. : variance) + epsilon));
    } else if (kind == 1) {
        moved.scale = (float)(1. / sqrt(total / len + epsilon));
    } else {
        double scale = 1. / sqrt(total), most = 1. / epsilon;
        moved.free = scale < most ? 1.f : 0.f;
        moved.scale = (float)(scale < most ? scale : most);
    }
    return moved;
}

// `has`: bit 0 when there is a gamma, bit 1 when there is a beta; other pointers stand in where there is none.
extern "C" __global__ void rows_forward(unsigned long long rows, unsigned len, int kind, double epsilon, int has,
                                        const float *x, const float *gamma, const float *beta, float *out,
                                        float *moved) {
    for (unsigned long long r = blockIdx.x; r < rows; r += gridDim.x) {
        Moved m = measure(x + r * len, len, kind, epsilon);
        float low = (float)((double)m.low * m.scale);
        for (unsigned i = threadIdx.x; i < len; i += blockDim.x) {
            float y = (x[r * len + i] - m.mean) * m.scale - low;
            out[r * len + i] = y * (has & 1 ? gamma[i] : 1.f) + (has & 2 ? beta[i] : 0.f);
        }
        if (threadIdx.x == 0) {
            float *to = moved + r * 4;
            to[0] = m.mean;
            to[1] = m.low;
            to[2] = m.scale;
            to[3] = m.free;
        }
    }
}

extern "C" __global__ void rows_backward(unsigned long long rows, unsigned len, int kind, int has, const float *g,
                                         const float *x, const float *gamma, const float *moved, float *out) {
    for (unsigned long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const float *from = moved + r * 4;
        float mean = from[0];
        double low = from[1], scale = from[2];
        Sum plain_sum, along_sum;
        for (unsigned i = threadIdx.x; i < len; i += blockDim.x) {
            float v = g[r * len + i] * (has & 1 ? gamma[i] : 1.f);
            plain_sum.add(v);
            along_sum.add(v * (x[r * len + i] - mean));
        }
        double plain = together(plain_sum.value(), Add());
        double along = together(along_sum.value(), Add()) - low * plain;
        double share = kind == 0 ? 1. / len : 0.;
        double share_along = kind == 2 ? (double)from[3] : 1. / len;
        double slope = along * share_along * scale * scale * scale;
        float shift = (float)(plain * share * scale - low * slope);
        for (unsigned i = threadIdx.x; i < len; i += blockDim.x) {
            float v = g[r * len + i] * (has & 1 ? gamma[i] : 1.f);
            out[r * len + i] = v * from[2] - shift - (x[r * len + i] - mean) * (float)slope;
        }
    }
}
