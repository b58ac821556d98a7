// The least that the synaptic arithmetic of a 200-256-200 network costs on this machine, in hand-written single precision:
// streaming (two eligibility stages and the gradient, every step, every synapse) and matrix products (three of them a chunk).
// Prints seconds of computing per simulated second at 0.1 ms as JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

using Clock = std::chrono::steady_clock;
static double seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

constexpr int layers[2][2] = {{200, 256}, {256, 200}};

static double streaming(int steps)
{
    double best = 1e9;
    std::vector<float> rise[2], trace[2], gradient[2], z[2], sigma[2], error[2];
    for (int l = 0; l < 2; l++) {
        const int n = layers[l][0] * layers[l][1];
        rise[l].assign(n, 1e-3f), trace[l].assign(n, 1e-3f), gradient[l].assign(n, 0.f);
        z[l].assign(layers[l][0], 0.1f), sigma[l].assign(layers[l][1], 0.2f), error[l].assign(layers[l][1], 3.f);
    }
    for (int round = 0; round < 5; round++) {
        const auto began = Clock::now();
        for (int step = 0; step < steps; step++)
            for (int l = 0; l < 2; l++)
                for (int j = 0; j < layers[l][0]; j++) {
                    const int n = layers[l][1];
                    float *a = &rise[l][j * n], *b = &trace[l][j * n], *m = &gradient[l][j * n];
                    const float *s = sigma[l].data(), *e = error[l].data(), zj = z[l][j];
                    for (int i = 0; i < n; i++) {
                        m[i] += 1e-4f * e[i] * b[i];
                        b[i] += 0.01f * (a[i] - b[i]);
                        a[i] += 0.02f * (s[i] * zj - a[i]);
                    }
                }
        best = std::min(best, seconds(began) / steps * 1e4);
    }
    return best;
}

// C[j][i] += sum over t of A[t][j] B[t][i], in tiles of 4 by 16 that stay in registers; A and B packed by tile beforehand
typedef float vector8 __attribute__((vector_size(32)));

static double products(int chunk, int chunks)
{
    double best = 1e9;
    for (int round = 0; round < 5; round++) {
        double total = 0;
        for (int l = 0; l < 2; l++) {
            const int nj = layers[l][0] / 4, ni = layers[l][1] / 16;
            std::vector<float> A(nj * chunk * 4, 0.1f);
            std::vector<vector8> B(3 * ni * chunk * 2, vector8{} + 0.2f), C(3 * ni * nj * 8, vector8{});
            const auto began = Clock::now();
            for (int c = 0; c < chunks; c++)
                for (int i = 0; i < 3 * ni; i++)
                    for (int j = 0; j < nj; j++) {
                        vector8 sum[8] = {};
                        const float* a = &A[j * chunk * 4];
                        const vector8* b = &B[i * chunk * 2];
                        for (int t = 0; t < chunk; t++, a += 4, b += 2)
                            for (int k = 0; k < 4; k++) {
                                sum[2 * k] += a[k] * b[0];
                                sum[2 * k + 1] += a[k] * b[1];
                            }
                        for (int k = 0; k < 8; k++) C[(i * nj + j) * 8 + k] += sum[k];
                    }
            total += seconds(began);
            if (C[0][0] < 0) std::printf("%f", C[1][0]);
        }
        best = std::min(best, total / (double(chunk) * chunks) * 1e4);
    }
    return best;
}

int main()
{
    std::printf("{\"streaming\": %.6f, \"matrix_products\": %.6f}\n", streaming(1000), products(250, 8));
    return 0;
}
