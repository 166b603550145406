# The page and the command, on a CPU, with the bundled weights: needs no network once it is built.
#   docker build -t rfr-inpainting .
#   docker run --rm -p 7860:7860 rfr-inpainting
#   docker run --rm -v "$PWD:/data" -w /data --user "$(id -u)" rfr-inpainting rfr inpaint photo.jpg mask.png -o filled.jpg
FROM python:3.12-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
ENV HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir --constraint /constraints.txt --index-url https://download.pytorch.org/whl/cpu torch && \
    pip install --no-cache-dir --constraint /constraints.txt "$(echo /wheels/*.whl)[demo]" && \
    useradd --create-home --uid 1000 rfr
USER 1000
WORKDIR /home/rfr
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=4)"]
CMD ["python", "-m", "rfr_nodes.demo", "--host", "0.0.0.0", "--port", "7860"]
