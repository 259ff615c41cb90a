# An image with the commands `contrastive-nas` and `kedro`, and a project in /project.
#
#     docker build -t contrastive-nas .                                   # CPU and CUDA: the usual wheels of torch
#     docker build -t contrastive-nas --build-arg TORCH_INDEX=URL .       # torch from another index, e.g. CPU alone
#     docker run --rm -it -v "$PWD/runs:/project/data" contrastive-nas kedro run --pipeline search
#     docker run --rm -it --gpus all contrastive-nas contrastive-nas doctor
#
# torch's usual wheels for Linux bring CUDA's libraries, so that the image needs no CUDA of its own: the host needs
# NVIDIA's driver and its container toolkit. BASE can be an image with CUDA and Python 3.11 all the same.
ARG BASE=python:3.11-slim
FROM ${BASE} AS build
ARG TORCH_INDEX=""
WORKDIR /source
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
# What changes seldom comes first, so that a change of the code repeats the last step alone.
COPY requirements.txt ./
RUN pip install --no-cache-dir uv \
    && if [ -n "$TORCH_INDEX" ]; then uv pip install --no-cache torch torchvision --index-url "$TORCH_INDEX"; fi \
    && if [ -n "$TORCH_INDEX" ]; then grep -vE "^(torch|torchvision|triton|nvidia-|cuda-)" requirements.txt > wanted.txt; \
       else cp requirements.txt wanted.txt; fi \
    && uv pip install --no-cache -r wanted.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY conf conf
COPY data/01_raw data/01_raw
RUN uv pip install --no-cache --no-deps --no-build-isolation .

FROM ${BASE}
# libgomp: OpenMP, for DGL and scikit-learn. Git: the record of a run names the commit.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
RUN useradd --create-home user && mkdir /project && chown user /project
USER user
RUN contrastive-nas init /project
WORKDIR /project
CMD ["contrastive-nas", "--help"]
