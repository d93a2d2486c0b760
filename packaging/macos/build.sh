#!/bin/sh
# NOT RUN YET: written from the documentation of the tools, on a machine that is no Mac. Expect to mend it.
#
# Makes dist/Lovelace-VERSION.dmg with Lovelace.app, for Macs with Apple silicon. Run on one, with Xcode's command-line
# tools and Python 3.11 or 3.12:
#
#   packaging/macos/build.sh                                   unsigned: opens only after Control-click > Open
#   SIGN_AS="Developer ID Application: NAME (TEAM)" packaging/macos/build.sh
#
# Still missing in the program: macOS hands links over as an event (QFileOpenEvent), not as an argument.
#
# A signed disk image is notarised afterwards: xcrun notarytool submit FILE --wait; xcrun stapler staple FILE
set -eu
cd "$(dirname "$0")/../.."
[ "$(uname -s)" = Darwin ] || { echo "Lovelace.app can be made on macOS only." >&2; exit 1; }

packaging/setup.sh test
version=$(.venv/bin/lovelace --version | cut -d' ' -f2)
iconset=build/lovelace.iconset

.venv/bin/python packaging/icons.py build/icons
mkdir -p "$iconset" dist
for size in 16 32 128 256; do
    cp "build/icons/$size.png" "$iconset/icon_${size}x${size}.png"
    cp "build/icons/$((size * 2)).png" "$iconset/icon_${size}x${size}@2x.png"
done
cp build/icons/512.png "$iconset/icon_512x512.png"
iconutil --convert icns --output build/lovelace.icns "$iconset"

# The recipe makes Lovelace.app beside the folder, with the scheme lovelace: in its Info.plist.
.venv/bin/python -m PyInstaller --noconfirm --log-level ERROR --workpath build/pyinstaller --distpath build/bundle \
    packaging/lovelace.spec
app=build/bundle/Lovelace.app
if [ -n "${SIGN_AS:-}" ]; then
    codesign --force --deep --options runtime --timestamp --sign "$SIGN_AS" "$app"
fi

image=build/dmg
rm -rf "$image"
mkdir -p "$image"
cp -R "$app" "$image/"
ln -s /Applications "$image/Applications"
hdiutil create -volname Lovelace -srcfolder "$image" -ov -format UDZO "dist/Lovelace-$version.dmg"
