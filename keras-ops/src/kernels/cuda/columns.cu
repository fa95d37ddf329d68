// Pairs of sums by column of a [rows, columns] matrix, in two steps, and what is made of them: the parameter
// gradients of row normalisation, and batch normalisation with channels last.

// Sums over the rows of part `blockIdx.y`; a block is some columns by some rows. `mode` says what is summed:
// 0: x                      and nothing, for the mean
// 1: x - mean               and its square
// 2: g                      and g (x - mean)
// 3: g                      and g ((x - mean) scale - low scale), `by` four values a row
extern "C" __global__ void column_parts(unsigned long long rows, unsigned columns, unsigned long long rows_a_part,
                                        int mode, const float *g, const float *x, const float *by, double *parts) {
    __shared__ double pairs[2 * MOST];
    unsigned long long first = blockIdx.y * rows_a_part;
    unsigned long long end = first + rows_a_part < rows ? first + rows_a_part : rows;
    unsigned c = blockIdx.x * blockDim.x + threadIdx.x;
    Sum a, b;
    for (unsigned long long r = first + threadIdx.y; c < columns && r < end; r += blockDim.y) {
        unsigned long long i = r * columns + c;
        if (mode == 0) {
            a.add(x[i]);
        } else if (mode == 1) {
            float d = x[i] - by[c];
            a.add(d);
            b.add(d * d);
        } else if (mode == 2) {
            a.add(g[i]);
            b.add(g[i] * (x[i] - by[c]));
        } else {
            const float *moved = by + r * 4;
            float low = (float)((double)moved[1] * moved[2]);
            a.add(g[i]);
            b.add(g[i] * ((x[i] - moved[0]) * moved[2] - low));
        }
    }
    double *mine = pairs + 2 * (threadIdx.y * blockDim.x + threadIdx.x);
    mine[0] = a.value();
    mine[1] = b.value();
    __syncthreads();
    if (threadIdx.y == 0 && c < columns) {
        double sum = 0., along = 0.;
        for (unsigned row = 0; row < blockDim.y; row++) {
            sum += pairs[2 * (row * blockDim.x + threadIdx.x)];
            along += pairs[2 * (row * blockDim.x + threadIdx.x) + 1];
        }
        double *to = parts + 2 * ((unsigned long long)blockIdx.y * columns + c);
        to[0] = sum;
        to[1] = along;
    }
}

__device__ double total(const double *parts, unsigned count, unsigned columns, unsigned c, unsigned which) {
    double sum = 0.;
    for (unsigned part = 0; part < count; part++) {
        sum += parts[2 * ((unsigned long long)part * columns + c) + which];
    }
    return sum;
}

#define COLUMN unsigned c = blockIdx.x * blockDim.x + threadIdx.x; if (c >= columns) return

// Both sums as single precision: the gradients by beta and gamma.
extern "C" __global__ void both_sums(unsigned columns, unsigned count, const double *parts, float *plain,
                                     float *along) {
    COLUMN;
    plain[c] = (float)total(parts, count, columns, c, 0);
    along[c] = (float)total(parts, count, columns, c, 1);
}

extern "C" __global__ void column_means(unsigned columns, unsigned count, unsigned long long rows,
                                        const double *parts, float *means) {
    COLUMN;
    means[c] = (float)(total(parts, count, columns, c, 0) / (double)rows);
}

// From the sums around `pivots`, nearly the means: mean, biased variance, `stats` [mean, 1 / sqrt(variance + epsilon)], and
// `by` [mean, scale, shift].
extern "C" __global__ void batch_statistics(unsigned columns, unsigned count, unsigned long long rows, double epsilon,
                                            int has, const double *parts, const float *pivots, const float *gamma,
                                            const float *beta, float *means, float *variances, double *stats,
                                            float *by) {
    COLUMN;
    double low = total(parts, count, columns, c, 0) / (double)rows;
    double variance = total(parts, count, columns, c, 1) / (double)rows - low * low;
    variance = variance < 0. ? 0. : variance;
    double mean = (double)pivots[c] + low, inverse = 1. / sqrt(variance + epsilon);
    float rounded = (float)mean;
    double scale = inverse * (has & 1 ? (double)gamma[c] : 1.);
    means[c] = rounded;
    variances[c] = (float)variance;
    stats[2 * c] = mean;
    stats[2 * c + 1] = inverse;
    by[3 * c] = rounded;
    by[3 * c + 1] = (float)scale;
    by[3 * c + 2] = (float)((has & 2 ? (double)beta[c] : 0.) - (mean - rounded) * scale);
}

// From sum(g) and sum(g (x - rounded mean)): the gradients by gamma and beta, and `by` [a, mean, b, c] of that by x.
extern "C" __global__ void batch_slopes(unsigned columns, unsigned count, unsigned long long rows, int has,
                                        const double *parts, const double *stats, const float *means,
                                        const float *gamma, float *by_gamma, float *by_beta, float *by) {
    COLUMN;
    double plain = total(parts, count, columns, c, 0), inverse = stats[2 * c + 1];
    double along = total(parts, count, columns, c, 1) - (stats[2 * c] - means[c]) * plain;
    double scale = (has & 1 ? (double)gamma[c] : 1.) * inverse;
    by_gamma[c] = (float)(along * inverse);
    by_beta[c] = (float)plain;
    by[4 * c] = (float)scale;
    by[4 * c + 1] = means[c];
    by[4 * c + 2] = (float)(-scale * inverse * inverse * along / (double)rows);
    by[4 * c + 3] = (float)(-scale * plain / (double)rows);
}

#define ELEMENTS                                                                                         \
    unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;                              \
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < elements; i += stride)

// (x - mean) scale + shift.
extern "C" __global__ void by_column(unsigned long long elements, unsigned columns, const float *x, const float *by,
                                     float *out) {
    ELEMENTS {
        const float *own = by + 3 * (i % columns);
        out[i] = (x[i] - own[0]) * own[1] + own[2];
    }
}

// g a + (x - mean) b + c.
extern "C" __global__ void pair_by_column(unsigned long long elements, unsigned columns, const float *g,
                                          const float *x, const float *by, float *out) {
    ELEMENTS {
        const float *own = by + 4 * (i % columns);
        out[i] = g[i] * own[0] + (x[i] - own[1]) * own[2] + own[3];
    }
}
