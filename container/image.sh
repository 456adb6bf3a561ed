#!/usr/bin/env bash
# Build the image for some architectures, and push it where a stack is named: image.sh ARCHS [STACK]
#
# The tag is the version of the package, and never moved: restart files are only good for the LAMMPS that wrote them.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

archs=$1 stack=${2:-}
known="sm_75 sm_80 sm_86 sm_89 sm_90"
say() { echo "image.sh: $*" >&2; exit 1; }

[ -n "$archs" ] || say "for which GPUs? ARCHS names some of: $known"
for arch in $archs; do
    [[ " $known " == *" $arch "* ]] || say "there is no architecture $arch; there are: $known"
done

version=$(sed -n 's/^__version__ = "\([0-9][0-9a-z.]*\)"$/\1/p' layers/core/deckhand/__init__.py)
[ -n "$version" ] || say "layers/core/deckhand/__init__.py says no version"
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
if [ -n "$(git status --porcelain 2>/dev/null)" ]; then revision+=-changed; fi

command -v docker >/dev/null || say "there is no Docker here; \`make verify-image\` builds without it, for no GPU"
docker buildx version >/dev/null 2>&1 || say "this Docker has no buildx: https://docs.docker.com/build/install-buildx/"
build=(docker buildx build --file container/Dockerfile --platform linux/amd64
    --build-arg "ARCHS=$archs" --build-arg "VERSION=$version" --build-arg "REVISION=$revision")

if [ -z "$stack" ]; then
    exec "${build[@]}" --tag "deckhand:$version" --load .
fi

command -v aws >/dev/null || say "pushing takes the AWS CLI: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
repository=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='ImageRepository'].OutputValue")
if [ -z "$repository" ] || [ "$repository" = None ]; then say "the stack $stack has no output ImageRepository: deploy it first"; fi
if aws ecr describe-images --repository-name "${repository#*/}" --image-ids "imageTag=$version" >/dev/null 2>&1; then
    say "$repository:$version is there already, and tags are never moved: raise the version"
fi
mkdir -p .deckhand
# A builder that can attest; Docker's own cannot.
docker buildx inspect deckhand >/dev/null 2>&1 || docker buildx create --name deckhand --driver docker-container
build+=(--builder deckhand --provenance mode=max --sbom true)
"${build[@]}" .
# Only now: the hours of the build are longer than a log-in may last. What was built is in the builder's cache.
aws ecr get-login-password | docker login --username AWS --password-stdin "${repository%%/*}"
"${build[@]}" --tag "$repository:$version" --metadata-file .deckhand/image.json --push .
echo "$repository:$version"
