// Cross-entropy of logits: a block a row, the classes shared out among its threads.

// The greatest logit of a row, and the sum of e^(x - greatest).
struct Row {
    float greatest, sum;
};

__device__ Row measure(const float *x, unsigned classes) {
    Row row;
    float greatest = NEGATIVE_INFINITY;
    for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
        greatest = x[c] > greatest ? x[c] : greatest;
    }
    row.greatest = together(greatest, Larger());
    float sum = 0.f;
    for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
        sum += expf(x[c] - row.greatest);
    }
    row.sum = together(sum, Add());
    return row;
}

// A label that is no class gives NaN: an error would have to wait for the device.
template <typename Label> __device__ bool is_class(Label label, unsigned classes) {
    return label >= 0 && label < classes && label == (Label)(long long)label;
}

template <typename Label>
__device__ void sparse_losses(unsigned long long rows, unsigned classes, const Label *labels, const float *logits,
                              float *losses) {
    for (unsigned long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const float *x = logits + r * classes;
        Row row = measure(x, classes);
        if (threadIdx.x == 0) {
            bool valid = is_class(labels[r], classes);
            losses[r] = valid ? -(x[(unsigned)labels[r]] - row.greatest - logf(row.sum)) : NOT_A_NUMBER;
        }
    }
}

template <typename Label>
__device__ void sparse_gradient(unsigned long long rows, unsigned classes, const Label *labels, const float *logits,
                                const float *gradient, float *out) {
    for (unsigned long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const float *x = logits + r * classes;
        Row row = measure(x, classes);
        float scale = 1.f / row.sum, g = is_class(labels[r], classes) ? gradient[r] : NOT_A_NUMBER;
        for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
            float p = expf(x[c] - row.greatest) * scale * g;
            out[r * classes + c] = (Label)c == labels[r] ? p - g : p;
        }
    }
}

#define FOR_LABELS(name, Label)                                                                                       \
    extern "C" __global__ void sparse_losses_##name(unsigned long long rows, unsigned classes, const Label *labels,   \
                                                    const float *logits, float *losses) {                             \
        sparse_losses(rows, classes, labels, logits, losses);                                                         \
    }                                                                                                                 \
    extern "C" __global__ void sparse_gradient_##name(unsigned long long rows, unsigned classes, const Label *labels, \
                                                      const float *logits, const float *gradient, float *out) {       \
        sparse_gradient(rows, classes, labels, logits, gradient, out);                                                \
    }

FOR_LABELS(i64, long long)
FOR_LABELS(f64, double)

// -sum(t log softmax(x)); what has no weight counts 0 where its logarithm is infinite, too.
extern "C" __global__ void dense_losses(unsigned long long rows, unsigned classes, const float *target,
                                        const float *logits, float *losses) {
    for (unsigned long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const float *x = logits + r * classes, *t = target + r * classes;
        Row row = measure(x, classes);
        float log_sum = logf(row.sum), loss = 0.f;
        for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
            loss += t[c] == 0.f ? 0.f : t[c] * (x[c] - row.greatest - log_sum);
        }
        loss = together(loss, Add());
        if (threadIdx.x == 0) {
            losses[r] = -loss;
        }
    }
}

extern "C" __global__ void dense_gradient(unsigned long long rows, unsigned classes, const float *target,
                                          const float *logits, const float *gradient, float *out) {
    for (unsigned long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const float *x = logits + r * classes, *t = target + r * classes;
        Row row = measure(x, classes);
        float weight = 0.f;
        for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
            weight += t[c];
        }
        weight = together(weight, Add());
        float scale = 1.f / row.sum, g = gradient[r];
        for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
            out[r * classes + c] = g * (expf(x[c] - row.greatest) * scale * weight - t[c]);
        }
    }
}

extern "C" __global__ void dense_gradient_by_target(unsigned long long rows, unsigned classes, const float *logits,
                                                    const float *gradient, float *out) {
    for (unsigned long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const float *x = logits + r * classes;
        Row row = measure(x, classes);
        float log_sum = logf(row.sum), g = gradient[r];
        for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
            out[r * classes + c] = -(g * (x[c] - row.greatest - log_sum));
        }
    }
}
