# The first command of the README, in a container and not as root:
#
#   docker build --tag superspike_brian .
#   docker run --name first superspike_brian
#   docker cp first:/home/scientist/runs .
#
# What follows the name of the image replaces `run spike-timing`: `docker run superspike_brian describe xor --hidden 4`.
FROM python:3.12-slim

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home scientist

USER 1000
WORKDIR /home/scientist
ENV PATH="/home/scientist/environment/bin:$PATH" MPLBACKEND=agg
COPY --chown=1000 . source
RUN python -m venv environment \
    && pip install --no-cache-dir ./source

ENTRYPOINT ["superspike"]
CMD ["run", "spike-timing"]
