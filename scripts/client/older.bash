# shellcheck shell=bash disable=SC2034,SC2154 # shares its variables with scripts/image-label-client
# The commands of image-label-client that the older system has, too: size, obtain and classify.

size() {
	local asked
	asked=$(jq -cn --arg dataset_name "$dataset" '$ARGS.named')
	post /size "$asked" "$work/answer"
	check_status "$work/answer"
	described=$(jq -c 'objects | select(.size | type == "number")' "$work/answer" 2>/dev/null) || described=''
	[[ -n $described ]] || # jq 1.6 takes no answer for well, even with -e
		fail 1 'the answer is not that of an image-label-server'
	print "$described"
}

# Whether a file is an image, by its first bytes. Types that browsers show and that have no magic number here are
# recognised by the server's Content-Type.
is_image() { # FILE TYPE
	local magic
	magic=$(head -c 12 "$1" | od -An -v -tx1 | tr -d ' \n')
	case $magic in
	ffd8ff* | 89504e470d0a1a0a* | 47494638[39]?61* | 424d* | 49492[ab]00* | 4d4d002[ab]* | 52494646????????57454250*) return 0 ;;
	????????66747970* | ff0a* | 0000000c4a584c20*) return 0 ;;
	esac
	case $2 in
	image/jpeg* | image/png* | image/gif* | image/bmp* | image/x-ms-bmp* | image/tiff* | image/webp* | image/avif* | image/heic* | image/jxl*) return 1 ;;
	image/*) return 0 ;;
	*) return 1 ;;
	esac
}

# Puts a finished file in its place in one step; writes into a device or pipe instead.
place() { # FILE TARGET
	if [[ -e $2 && ! -f $2 ]]; then
		cat -- "$1" >"$2"
	else
		chmod "$(printf '%o' $((0666 & ~$(umask))))" "$1" && mv -fT -- "$1" "$2"
	fi
}

# If the labels do not fit into a header, the answer is JSON with the image's address.
obtain_by_address() { # JSON
	local address told
	post /obtain "$1" "$work/answer" --header 'Accept: application/json'
	check_status "$work/answer"
	address=$(jq -r '.image_url // empty' "$work/answer" 2>/dev/null) || address=''
	[[ -n $address ]] ||
		fail 1 'the answer is not that of an image-label-server'
	told=$(jq -c '{dataset_name, base_dir, filepath, labels}' "$work/answer")
	fetch "$address" "$image"
	described=$told
}

# Makes sure that an image can be saved before one is requested: sets target and image, where it is kept meanwhile.
prepare_image() { # FILE
	[[ ! -d $1 ]] || fail 1 "cannot write $1: it is a folder"
	target=$(realpath -m -- "$1")
	if [[ -e $target && ! -f $target ]]; then
		image=$work/image
	else
		image=$(mktemp "$(dirname -- "$target")/.image-label.XXXXXX" 2>/dev/null) ||
			fail 1 "cannot write $1: its folder does not exist or cannot be written"
	fi
}

save_image() { # FILE
	check_status "$image"
	is_image "$image" "$type" || fail 1 "the answer is not an image (${type:-no Content-Type})"
	described=$(jq -c objects <<<"$described" 2>/dev/null) || described=''
	[[ -n $described ]] ||
		fail 1 'the answer does not say which image it is (X-Response-Json)'
	place "$image" "$target" || fail 1 "cannot write $1"
}

obtain() {
	local asked outimg=${given[outimg]-outimg.png}
	prepare_image "$outimg"
	asked=$(jq -cn --arg dataset_name "$dataset" --argjson id "${given[id]--1}" '$ARGS.named')
	post /obtain "$asked" "$image"
	[[ $status != 422 ]] || obtain_by_address "$asked"
	save_image "$outimg"
	print "$described"
}

classify() {
	local asked accepted
	asked=$(jq -cn --arg dataset_name "$dataset" --arg base_dir "${given[basedir]}" --arg filepath "${given[filepath]}" \
		--arg label "${given[label]}" '$ARGS.named')
	post /classify "$asked" "$work/answer"
	accepted=$(jq -r 'objects | .response | booleans' "$work/answer" 2>/dev/null) || true
	if [[ $accepted == false ]]; then
		print "$(jq -c . "$work/answer")"
		[[ $status != 404 ]] || fail 1 "not labelled: there is no dataset $dataset"
		fail 1 "not labelled: dataset $dataset has no such base_dir, filepath or label"
	fi
	check_status "$work/answer"
	[[ $accepted == true ]] || fail 1 'the answer is not that of an image-label-server'
	print "$(jq -c . "$work/answer")"
}
