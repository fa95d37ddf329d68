// Dropout with the processor's own mask: a thread makes one Philox block, whose eight halves of words decide about
// eight elements, sixteen apart.
__device__ unsigned high_product(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }

extern "C" __global__ void dropout(unsigned long long count, const float *x, float *out, unsigned threshold,
                                   float scale, unsigned long long key, unsigned long long draw) {
    unsigned long long blocks = (count + 127) / 128 * 16, stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long t = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; t < blocks; t += stride) {
        unsigned a = (unsigned)t, b = (unsigned)(t >> 32), c = (unsigned)draw, d = (unsigned)(draw >> 32);
        unsigned first = (unsigned)key, second = (unsigned)(key >> 32);
        for (int round = 0; round < 10; round++) {
            unsigned left = high_product(a, 0xD2511F53u), right = high_product(c, 0xCD9E8D57u);
            unsigned low_left = a * 0xD2511F53u, low_right = c * 0xCD9E8D57u;
            a = right ^ b ^ first;
            b = low_right;
            c = left ^ d ^ second;
            d = low_left;
            first += 0x9E3779B9u;
            second += 0xBB67AE85u;
        }
        unsigned words[4] = {a, b, c, d};
        unsigned long long from = t / 16 * 128 + t % 16;
        for (unsigned row = 0; row < 8; row++) {
            unsigned long long i = from + row * 16;
            unsigned half = row % 2 == 0 ? words[row / 2] & 0xffffu : words[row / 2] >> 16;
            if (i < count) {
                out[i] = half < threshold ? x[i] * scale : 0.f;
            }
        }
    }
}
