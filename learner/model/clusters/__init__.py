"""The default model: a tied Gaussian mixture over an encoder's latents."""
